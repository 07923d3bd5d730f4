"""The packages of the wheel; everything else about it is in pyproject.toml.

Templates, static files and translations are folders of the checkout's root. In the wheel they are inside the package
`alertadmin`, where alertadmin/environment.py finds them.
"""

from setuptools import find_packages, setup

DATA = ("templates", "static", "locale")
PACKAGES = find_packages(include=["alertadmin*", "mailer*", "sandbox*"])  # `up --demo` needs the sandbox

setup(
    packages=[*PACKAGES, *(f"alertadmin.{name}" for name in DATA)],
    package_dir={f"alertadmin.{name}": name for name in DATA},
    package_data={f"alertadmin.{name}": ["**/*"] for name in DATA},
    include_package_data=False,
)
