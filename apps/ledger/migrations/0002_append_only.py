"""Makes the database itself refuse to change or delete a record that is not archived."""

from django.db import migrations

SQLITE = [
    """
    CREATE TRIGGER ledger_record_no_update BEFORE UPDATE ON ledger_record
    BEGIN SELECT RAISE(ABORT, 'ledger records are append-only: UPDATE refused'); END
    """,
    """
    CREATE TRIGGER ledger_record_no_delete BEFORE DELETE ON ledger_record
    WHEN OLD.seq > COALESCE((SELECT archived_through FROM ledger_chainhead WHERE id = 1), 0)
    BEGIN SELECT RAISE(ABORT, 'ledger records are append-only: DELETE refused'); END
    """,
]
SQLITE_BACK = ["DROP TRIGGER ledger_record_no_update", "DROP TRIGGER ledger_record_no_delete"]

POSTGRESQL = [
    """
    CREATE FUNCTION ledger_record_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE archived bigint := COALESCE((SELECT archived_through FROM ledger_chainhead WHERE id = 1), 0);
    BEGIN
      IF TG_OP = 'TRUNCATE' THEN
        IF EXISTS (SELECT 1 FROM ledger_record WHERE seq > archived) THEN
          RAISE EXCEPTION 'ledger records are append-only: TRUNCATE refused' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NULL;
      END IF;
      IF TG_OP = 'DELETE' AND OLD.seq <= archived THEN
        RETURN OLD;
      END IF;
      RAISE EXCEPTION 'ledger records are append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE TRIGGER ledger_record_no_change BEFORE UPDATE OR DELETE ON ledger_record
    FOR EACH ROW EXECUTE FUNCTION ledger_record_refuse()
    """,
    """
    CREATE TRIGGER ledger_record_no_truncate BEFORE TRUNCATE ON ledger_record
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_record_refuse()
    """,
]
POSTGRESQL_BACK = [
    "DROP TRIGGER ledger_record_no_truncate ON ledger_record",
    "DROP TRIGGER ledger_record_no_change ON ledger_record",
    "DROP FUNCTION ledger_record_refuse()",
]


def _run(schema_editor, *, sqlite, postgresql):
    by_vendor = {"sqlite": sqlite, "postgresql": postgresql}
    vendor = schema_editor.connection.vendor
    if vendor not in by_vendor:
        raise NotImplementedError(f"the ledger is guarded on SQLite and PostgreSQL, not on {vendor}")
    for statement in by_vendor[vendor]:
        schema_editor.execute(statement, params=None)  # no parameters: a % in the text stands for itself


def guard(apps, schema_editor):
    _run(schema_editor, sqlite=SQLITE, postgresql=POSTGRESQL)


def unguard(apps, schema_editor):
    _run(schema_editor, sqlite=SQLITE_BACK, postgresql=POSTGRESQL_BACK)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]

    operations = [migrations.RunPython(guard, unguard)]
