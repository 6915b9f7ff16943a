"""Appends a CSV file to a MySQL table as services written with pandas do: INSERTs of 200 rows, nothing checked.

  build/bench-venv/bin/python tools/pandas_to_sql.py mysql://USER:PASSWORD@HOST:PORT/DATABASE FILE TABLE
"""

import sys

import pandas
import sqlalchemy


def main():
    url, file, table = sys.argv[1:]
    engine = sqlalchemy.create_engine(url.replace("mysql://", "mysql+pymysql://", 1))
    pandas.read_csv(file).to_sql(table, engine, if_exists="append", index=False, chunksize=200, method="multi")


if __name__ == "__main__":
    main()
