"""Uploads stay in memory: an import file contains secrets, which must not reach the disk unencrypted."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import InMemoryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

LIMIT = 15_000_000
"""Bytes; about 60,000 rows of CSV. The command `import_registrations` accepts larger files."""


class InMemory(FileUploadHandler):
    """Keep up to LIMIT bytes of each file and count the rest, so that the form can report the size."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._content = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start < LIMIT:
            self._content.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile[Any]:
        self._content.seek(0)
        return InMemoryUploadedFile(
            self._content,
            self.field_name,
            self.file_name,
            self.content_type,
            file_size,
            self.charset,
            self.content_type_extra,
        )
