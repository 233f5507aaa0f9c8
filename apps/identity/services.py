"""Users, tokens and grants: every change is recorded on the ledger through the port `recorder`."""

from __future__ import annotations

from apps.identity.grants import grant as grant
from apps.identity.grants import revoke as revoke
from apps.identity.recording import note as note
from apps.identity.teams import create_team as create_team
from apps.identity.tokens import authenticate_token as authenticate_token
from apps.identity.tokens import issue_token as issue_token
from apps.identity.tokens import revoke_token as revoke_token
from apps.identity.users import create_first_admin as create_first_admin
from apps.identity.users import create_service_user as create_service_user
