"""Runs one file of sql/jobs on Spark: AWS Glue 5.1, Amazon EMR 7.13 (Spark 3.5), or PySpark on one machine.

    run_sql.py --sql URI
               --input.<name>  URI?format=csv|json|parquet[&partition=dt&from=2026-01-01&to=2026-01-09]
               --output.<name> URI?format=parquet[&mode=overwrite][&files=1]
               --param.<name>  VALUE

The head of the SQL file declares, in comments, its inputs with their columns, its parameters, its outputs and the views
to compute once (keep). Parameters are the texts of the one-row view `params`; an output is the view of its name.
Text inputs are read as text, column by column by name; checking them is the SQL's work. An input without files is empty.
Arguments that are not listed here belong to the service that started the job and are left alone.

With NOCTURNE_S3_ROOT=folder, s3://bucket/key is the file folder/bucket/key. deploy/local-aws/runner does the same on DuckDB.
"""

import csv
import os
import re
import sys
from urllib.parse import parse_qsl

INPUT_FORMATS = ("csv", "json", "parquet")
INPUT_OPTIONS = ("format", "partition", "from", "to")
OUTPUT_OPTIONS = ("format", "mode", "files")


class JobError(Exception):
    """What a person has to mend; printed without a stack trace."""


class Location:
    def __init__(self, key, text, formats, allowed):
        self.uri, _, query = text.partition("?")
        self.options = dict(parse_qsl(query))
        self.format = self.options.get("format", "")
        if self.format not in formats:
            raise JobError(f'--{key}: format is {", ".join(formats)}, not "{self.format}"')
        for name in self.options:
            if name not in allowed:
                raise JobError(f'--{key}: unknown option "{name}"; known: {", ".join(allowed)}')
        if self.options.get("mode", "overwrite") != "overwrite":
            raise JobError(f"--{key}: the only mode is overwrite")


class Column:
    def __init__(self, item):
        name, _, declared = item.partition(" ")
        self.optional = name.endswith("?")
        self.name = name.rstrip("?")
        self.type = declared or "STRING"


class SqlFile:
    """What the head of a file of sql/jobs declares, and its statements. No statement has a semicolon inside a text."""

    def __init__(self, text):
        self.inputs, self.optional_inputs = {}, set()
        self.params, self.outputs, self.keep = [], [], []
        for keyword, name, mark, declared in re.findall(
            r"^-- (input|param|output|keep)(?: (\w+)(\??))?: (.+)$", text, re.MULTILINE
        ):
            items = [item.strip() for item in re.split(r",(?![^(]*\))", declared)]
            if keyword == "input":
                self.inputs[name] = [Column(item) for item in items]
                if mark:
                    self.optional_inputs.add(name)
            else:
                setattr(self, {"param": "params", "output": "outputs", "keep": "keep"}[keyword], items)
        bare = re.sub(r"--[^\n]*", "", text)
        self.statements = [statement.strip() for statement in bare.split(";") if statement.strip()]


def read_arguments(argv):
    """`--key value` and `--key=value`. Keys that are not ours are skipped, with or without a value."""
    given = {"input": {}, "output": {}, "param": {}}
    sql = None
    at = 0
    while at < len(argv):
        key, equals, value = argv[at].partition("=") if argv[at].startswith("--") else ("", "", "")
        kind, _, name = key[2:].partition(".")
        ours = key == "--sql" or (kind in given and name)
        if ours and not equals:
            at += 1
            if at >= len(argv):
                raise JobError(f"{key}: its value is missing")
            value = argv[at]
        at += 1
        if key == "--sql":
            sql = value
        elif ours:
            given[kind][name] = value
    if sql is None:
        raise JobError("--sql is missing: the URI of the SQL file to run")
    if not given["output"]:
        raise JobError("--output.<name> is missing: nothing would be written")
    inputs = {n: Location(f"input.{n}", v, INPUT_FORMATS, INPUT_OPTIONS) for n, v in given["input"].items()}
    outputs = {n: Location(f"output.{n}", v, ("parquet",), OUTPUT_OPTIONS) for n, v in given["output"].items()}
    return sql, inputs, outputs, given["param"]


def check_against(sql_file, inputs, outputs, params):
    for name in sql_file.inputs:
        if name not in inputs and name not in sql_file.optional_inputs:
            raise JobError(f"--input.{name} is missing")
    for name in sql_file.params:
        if name not in params:
            raise JobError(f"--param.{name} is missing")
    declared = (("input", inputs, sql_file.inputs), ("output", outputs, sql_file.outputs), ("param", params, sql_file.params))
    for kind, given, known in declared:
        for name in given:
            if name not in known:
                raise JobError(f"--{kind}.{name}: the SQL declares {', '.join(known) or 'none'}")


def spark_path(uri):
    root = os.environ.get("NOCTURNE_S3_ROOT")
    if root and uri.startswith("s3://"):
        return "file://" + os.path.join(os.path.abspath(root), uri[len("s3://") :])
    return uri


class Files:
    """The file system that Spark reads from, asked on the driver."""

    def __init__(self, spark):
        self.jvm = spark._jvm
        self.configuration = spark._jsc.hadoopConfiguration()

    def data_files(self, location):
        """[(path, partition value)] in key order; markers (_SUCCESS), hidden and empty files are none."""
        base = spark_path(location.uri)
        column = location.options.get("partition")
        if column is None:
            return [(path, None) for path in self._below(base)]
        first, last = location.options.get("from", ""), location.options.get("to", "\uffff")
        found = []
        for name in self._folders(base):
            key, _, value = name.partition("=")
            if key == column and first <= value <= last:
                found += [(path, value) for path in self._below(base.rstrip("/") + "/" + name)]
        return found

    def csv_header(self, path):
        """Column names in lower case; None when the file holds nothing."""
        target, file_system = self._open(path)
        stream = file_system.open(target)
        codec = self.jvm.org.apache.hadoop.io.compress.CompressionCodecFactory(self.configuration).getCodec(target)
        if codec is not None:
            stream = codec.createInputStream(stream)
        reader = self.jvm.java.io.BufferedReader(self.jvm.java.io.InputStreamReader(stream, "UTF-8"))
        try:
            line = reader.readLine()
        finally:
            reader.close()
        line = (line or "").lstrip("\ufeff")
        return [name.strip().lower() for name in next(csv.reader([line]))] if line else None

    def _open(self, path):
        target = self.jvm.org.apache.hadoop.fs.Path(path)
        return target, target.getFileSystem(self.configuration)

    def _folders(self, path):
        target, file_system = self._open(path)
        if not file_system.exists(target):
            return []
        return sorted(status.getPath().getName() for status in file_system.listStatus(target) if status.isDirectory())

    def _below(self, path):
        target, file_system = self._open(path)
        if not file_system.exists(target):
            return []
        base = file_system.getFileStatus(target).getPath().toString()
        listing = file_system.listFiles(target, True)
        found = []
        while listing.hasNext():
            status = listing.next()
            name = status.getPath().toString()
            visible = not any(part[:1] in ("_", ".") for part in name[len(base) :].split("/"))
            if visible and status.getLen() > 0:
                found.append(name)
        return sorted(found)


def require_columns(name, columns, there, path):
    missing = [column.name for column in columns if not column.optional and column.name not in there]
    if missing:
        raise JobError(
            f"input {name}: column {', '.join(missing)} is missing in {path}; its columns are {', '.join(there)}"
        )


def by_header(name, columns, files, header_of):
    """Files of one input may name and order their columns differently: [(header, paths)]."""
    groups = {}
    for path, _ in files:
        header = header_of(path)
        if header is not None:
            require_columns(name, columns, header, path)
            groups.setdefault(tuple(header), []).append(path)
    return groups.items()


def quoted(name):
    return "`" + name.replace("`", "``") + "`"


def typed(column):
    return f"CAST({quoted(column.name)} AS {column.type}) AS {quoted(column.name)}"


def absent(column):
    return f"CAST(NULL AS {column.type}) AS {quoted(column.name)}"


def read_csv(spark, files, name, columns, found):
    frames = []
    for header, paths in by_header(name, columns, found, files.csv_header):
        declared = {column.name for column in columns}
        # A column nobody asked for is named by its place: files may name two of them alike.
        names = [n if n in declared and header.index(n) == at else f"#{at}" for at, n in enumerate(header)]
        schema = ", ".join(f"{quoted(n)} STRING" for n in names)
        reader = spark.read.schema(schema).option("header", True).option("quote", '"').option("escape", '"')
        wanted = [typed(column) if column.name in names else absent(column) for column in columns]
        frames.append(reader.csv(paths).selectExpr(*wanted))
    return frames


def read_json(spark, columns, found):
    """One object a line. A key that is not there is NULL, and so is every column of a line that is no object."""
    schema = ", ".join(f"{quoted(column.name)} STRING" for column in columns)
    frame = spark.read.schema(schema).json([path for path, _ in found])
    return [frame.selectExpr(*[typed(column) for column in columns])]


def parquet_column(column, types):
    declared = types.get(column.name)
    if declared is None:
        return absent(column)
    if column.type == "STRING" and declared == "timestamp":
        # An instant must not lose that it is one: as text without offset it would be read as a store's local time.
        return f"date_format({quoted(column.name)}, 'yyyy-MM-dd HH:mm:ss.SSSSSS') || 'Z' AS {quoted(column.name)}"
    if column.type == "STRING" and declared in ("double", "float"):
        # As text a large double would be 1.0E7.
        return f"CAST(CAST({quoted(column.name)} AS DECIMAL(38, 6)) AS STRING) AS {quoted(column.name)}"
    return typed(column)


def read_parquet(spark, location, name, columns, found):
    partition = location.options.get("partition")
    reader = spark.read.option("basePath", spark_path(location.uri)) if partition else spark.read
    # Partitions are this product's own files and share the schema of the last; anyone may have written the others.
    asked = found[-1:] if partition else found
    schemas = {path: {f.name.lower(): f.dataType for f in reader.parquet(path).schema.fields} for path, _ in asked}
    last = schemas[found[-1][0]]
    groups = {}
    for path, _ in found:
        schema = schemas.get(path, last)
        require_columns(name, columns, list(schema), path)
        key = tuple((n, t.simpleString()) for n, t in schema.items())
        groups.setdefault(key, []).append(path)
    return [
        reader.parquet(*paths).selectExpr(*[parquet_column(column, dict(key)) for column in columns])
        for key, paths in groups.items()
    ]


def read_input(spark, files, name, columns, location):
    found = files.data_files(location) if location else []
    if not found:
        frames = []
    elif location.format == "csv":
        frames = read_csv(spark, files, name, columns, found)
    elif location.format == "json":
        frames = read_json(spark, columns, found)
    else:
        frames = read_parquet(spark, location, name, columns, found)
    if frames:
        whole = frames[0]
        for frame in frames[1:]:
            whole = whole.unionAll(frame)
    else:
        whole = spark.createDataFrame([], ", ".join(f"{quoted(column.name)} {column.type}" for column in columns))
    whole.createOrReplaceTempView(name)
    print(f"read {name}: {len(found)} files")


def write_output(spark, name, location):
    frame = spark.table(name)
    if "files" in location.options:
        frame = frame.coalesce(int(location.options["files"]))
    path = spark_path(location.uri)
    # COPY reads every object under its prefix: there must be none but data.
    writer = frame.write.mode("overwrite").option("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false")
    writer.parquet(path)
    written = spark.read.schema(frame.schema).parquet(path)
    print(f"wrote {name}: {written.count()} rows")
    if name == "summary":
        counts = written.first().asDict()
        print("summary: " + " ".join(f"{key}={value}" for key, value in counts.items()))


def configure(spark):
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    # An overflow or a bad cast is an error, as on DuckDB, never a NULL.
    spark.conf.set("spark.sql.ansi.enabled", "true")
    spark.conf.set("spark.sql.sources.partitionOverwriteMode", "static")
    spark.conf.set("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
    spark.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")


def run(spark, argv):
    sql_uri, inputs, outputs, params = read_arguments(argv)
    configure(spark)
    sql_file = SqlFile(spark.read.text(spark_path(sql_uri), wholetext=True).first()[0])
    check_against(sql_file, inputs, outputs, params)
    files = Files(spark)
    if sql_file.params:
        schema = ", ".join(f"{quoted(name)} STRING" for name in sql_file.params)
        spark.createDataFrame([tuple(params[name] for name in sql_file.params)], schema).createOrReplaceTempView("params")
    for name, columns in sql_file.inputs.items():
        read_input(spark, files, name, columns, inputs.get(name))
    for statement in sql_file.statements:
        spark.sql(statement)
    for view in sql_file.keep:
        spark.catalog.cacheTable(view)
    for name, location in outputs.items():
        write_output(spark, name, location)


def main():
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.appName("nocturne").getOrCreate()
    try:
        run(spark, sys.argv[1:])
    except JobError as error:
        # Glue shows the exception's text as the run's ErrorMessage.
        raise SystemExit(f"JobError: {error}") from None
    finally:
        spark.stop()


if __name__ == "__main__":
    main()
