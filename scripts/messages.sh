#!/usr/bin/env bash
# Extracts the texts of code and templates into locale/fr, in an order that does not depend on the machine, and compiles
# the catalogue. Needs the gettext tools. What lacks a translation is counted at the end.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
catalogue=locale/fr/LC_MESSAGES/django.po
skipped=()
for folder in .venv tests sandbox benchmarks docs var build; do skipped+=(-i "$folder"); done

.venv/bin/python manage.py makemessages -v 0 -l fr --add-location file --no-obsolete --no-wrap "${skipped[@]}"
# Without a date of creation, which would change with each run.
msgcat --sort-output --no-wrap --add-location=file "$catalogue" | grep -v '^"POT-Creation-Date' >"$catalogue.sorted"
mv "$catalogue.sorted" "$catalogue"
.venv/bin/python manage.py compilemessages -v 0 -l fr -i .venv
msgfmt --statistics -o /dev/null "$catalogue"
