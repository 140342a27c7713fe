"""The shapes of Nocturne's benchmarks as Airflow DAGs: of tasks that a worker runs, and of tasks that the scheduler ends."""

from datetime import datetime

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, task


@task
def nothing():
    pass


def worker_task(task_id):
    return nothing.override(task_id=task_id)()


def empty_task(task_id):
    return EmptyOperator(task_id=task_id)


def chain(make):
    before = None
    for index in range(40):
        after = make(f"t{index}")
        if before is not None:
            before >> after
        before = after


def fan(make, width):
    first = make("first")
    last = make("last")
    for index in range(width):
        first >> make(f"m{index}") >> last


def wide(make):
    for index in range(100):
        make(f"w{index}")


SHAPES = {
    "chain": chain,
    "fan": lambda make: fan(make, 8),
    "wide": wide,
}

for shape, lay_out in SHAPES.items():
    for kind, make in {"python": worker_task, "empty": empty_task}.items():
        dag_id = f"{shape}_{kind}"
        with DAG(dag_id, schedule=None, start_date=datetime(2026, 1, 1), max_active_runs=1) as dag:
            lay_out(make)
        globals()[dag_id] = dag
