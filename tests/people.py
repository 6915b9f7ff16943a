"""Files of made-up people, and what a table of them looks like by the sums of its columns."""

SCHEMA_FIELDS = """
        - { name: id, type: integer, constraints: { required: true } }
        - { name: name, type: string, constraints: { maxLength: 200 } }
        - { name: generation, type: integer, constraints: { required: true } }
"""


def quick_look(table):
    return f"SELECT count(*), sum(generation) FROM {table}"


def full_look(table):
    return f"SELECT count(*), sum(generation), sum(id), sum(length(name)) FROM {table}"


def people(first_id, count, generation):
    # Long names, so that many rows are more than SQLite's page cache holds and go through its log before the commit too.
    return [(i, f"Person number {i * 7919 % 1000003}{' of many' * 14}", generation)
            for i in range(first_id, first_id + count)]


def csv_text(rows, bad_rows=0):
    """Among the rows stand so many whose id is no number."""
    every = len(rows) // bad_rows if bad_rows else len(rows) + 1
    lines = ["id,name,generation\n"]
    for number, (identity, name, generation) in enumerate(rows, 1):
        lines.append(f"{identity},{name},{generation}\n")
        if number % every == 0:
            lines.append(f"x{identity},{name},{generation}\n")
    return "".join(lines)


def sums(rows):
    """What full_look() gives for a table of these rows."""
    return (len(rows), sum(row[2] for row in rows), sum(row[0] for row in rows), sum(len(row[1]) for row in rows))
