"""Runs several jobs of run_sql.py in one Spark session: the test pays for one JVM. Reads argument lists as JSON lines."""

import importlib.util
import json
import sys

from pyspark.sql import SparkSession

spec = importlib.util.spec_from_file_location("run_sql", sys.argv[1])
run_sql = importlib.util.module_from_spec(spec)
spec.loader.exec_module(run_sql)
builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
spark = builder.config("spark.sql.shuffle.partitions", "2").config("spark.driver.host", "127.0.0.1").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
for line in sys.stdin:
    spark.catalog.clearCache()
    try:
        run_sql.run(spark, json.loads(line))
        print("ended:")
    except run_sql.JobError as error:
        print(f"ended: {error}")
spark.stop()
