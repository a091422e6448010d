"""PowerOffice GO: version 2 of its API behind a gateway, and the activities of version 1."""
