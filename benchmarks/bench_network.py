"""Network design on the reference cases: objective, bound and gap against time.

Run: ``python benchmarks/bench_network.py [CASES_DIR] [--long]``. The long run gives the largest
case an hour to close its gap.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from cdrsite.network.design import design
from cdrsite.network.tables import read_case

CASES = (
    ("southeastus_gateway", 5.0, 60.0, 803.360026),
    ("southeastus_cap2020", 50.0, 120.0, 5140.659014),
    ("southeastus_cap2020", 110.0, 40.0, 14894.850004),
    ("southeastus_cap2020", 110.0, 300.0, 14894.850004),
)


def main() -> None:
    default = Path(__file__).resolve().parents[2] / "shared" / "cases"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="?", default=os.environ.get("CDRSITE_CASES", default))
    parser.add_argument("--long", action="store_true", help="close the largest case")
    parser.add_argument("--first", type=float, metavar="SECONDS", help="only the first case")
    given = parser.parse_args()
    runs = [("southeastus_cap2020", 110.0, 3600.0, 14894.850004)] if given.long else CASES
    if given.first is not None:
        name, target, _, known = CASES[0]
        runs = [(name, target, given.first, known)]
    print("case, target [Mt/yr], objective, bound, gap [%], nodes, wall [s], cpu [s]")
    for name, target, limit, known in runs:
        problem = read_case(Path(given.cases) / name)
        wall, cpu = time.perf_counter(), time.process_time()
        plan = design(problem, target=target, time_limit=limit)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(
            f"{name:21s} {target:6.0f}  {plan.objective:12.6f}  {plan.bound:12.6f}"
            f"  {100 * plan.gap:8.4f} {plan.nodes:8d}  {wall:6.1f} {cpu:6.1f}  {plan.status}"
            f"  (known {known:.6f})"
        )
        assert plan.objective >= known * (1 - 1e-6)


if __name__ == "__main__":
    main()
