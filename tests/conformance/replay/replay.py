"""Replays recorded ExternalSecret cases against a running controller and compares what happens (observed from ESO v2.9.0).

Needs an API server with the External Secrets CRDs and an administrator kubeconfig with a client certificate, for the vault
cases an OpenBao or Vault server in dev mode, for the AWS cases a moto server. The namespace `golden` belongs to the replay
and is emptied at the start. With --controller-cmd the controller is started (and stopped) here, with KUBECONFIG and the AWS
endpoint variables set; otherwise one must be running already with

    AWS_SECRETSMANAGER_ENDPOINT, AWS_SSM_ENDPOINT, AWS_STS_ENDPOINT   pointing to moto.

Exit status: 0 all cases that count passed, 1 at least one failed or could not be run (controller dead, time limit), 2 usage error.
"""
from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path

from tests.conformance.replay.backends import Aws, Backends, Vault, Webhook
from tests.conformance.replay.compare import Rules
from tests.conformance.replay.controller import Controller, ControllerDied
from tests.conformance.replay.kube import Kube
from tests.conformance.replay.runner import ERROR, FAILED, PASSED, SKIPPED, Result, Runner, Timing, base_secrets, placeholders
from tests.conformance.replay.vectors import Case, load, shared_idents

CONTROLLER_DEAD, OUT_OF_TIME = "controller dead, no restart left", "time limit of the run"
DEFAULT_VECTORS = Path(__file__).resolve().parent.parent / "vectors"


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--kubeconfig", required=True)
    p.add_argument("--bao", metavar="URL", help="OpenBao/Vault address; without it the vault cases are skipped")
    p.add_argument("--bao-token", default="root")
    p.add_argument("--moto", metavar="URL", help="moto server address; without it the AWS cases are skipped")
    p.add_argument("--vectors", metavar="DIR", nargs="+", type=Path, default=[DEFAULT_VECTORS])
    p.add_argument("--area", metavar="AREA", nargs="+", help="only these areas")
    p.add_argument("--case", metavar="NAME", nargs="+", help="only these cases")
    p.add_argument("--parallel", metavar="N", type=int, default=8, help="cases at the same time (default %(default)s)")
    p.add_argument("--optional", action="store_true", help="also run cases marked optional; they count like any other")
    p.add_argument("--json", metavar="FILE", type=Path, help="write a report")
    p.add_argument("--verbose", action="store_true", help="print warnings and passed cases too")
    group = p.add_argument_group("controller")
    group.add_argument("--controller-cmd", metavar="CMD", help="start this controller; {kubeconfig} is replaced by the path")
    group.add_argument("--controller-log", metavar="FILE", type=Path, help="append its output here (default: dropped)")
    group.add_argument("--controller-warmup", metavar="S", type=float, default=5.0, help="wait after a start (default %(default)s)")
    group.add_argument("--listen", metavar="HOST", default="127.0.0.1", help="address of the webhook server (default %(default)s)")
    group = p.add_argument_group("comparison (see compare.py)")
    group.add_argument("--strict-messages", action="store_true", help="compare condition and event messages too")
    group.add_argument("--strict-stores", action="store_true", help="differences in store status fail instead of warn")
    group.add_argument("--ignore", metavar="FIELD", nargs="+", default=[], help="fields not to compare, e.g. field_managers events")
    group = p.add_argument_group("time (seconds)")
    default = Timing()
    group.add_argument("--time-limit", type=float, default=3600.0, help="whole run; later cases are skipped (default %(default)s)")
    group.add_argument("--case-limit", type=float, default=default.case_limit, help="one case, without its own waits (default %(default)s)")
    group.add_argument("--patience", type=float, default=default.patience, help="extra time a state may take (default %(default)s)")
    group.add_argument("--event-timeout", type=float, default=60.0, help="wait for late events at the end (default %(default)s)")
    args = p.parse_args(argv)
    if args.parallel < 1:
        p.error("--parallel must be at least 1")
    return args


def print_case(result: Result, verbose: bool) -> None:
    """One line per failing case, its differences below."""
    if result.status in (FAILED, ERROR) or verbose:
        mark = f"{result.status.upper()}{' (flaky)' if result.flaky and result.status != PASSED else ''}"
        print(f"{mark} {result.area}/{result.name} ({result.seconds} s){': ' + result.reason if result.reason else ''}", flush=True)
        for line in result.diffs:
            print(f"    {line}")
        for line in result.warnings if verbose else []:
            print(f"    warning: {line}")


def counts_as_failure(result: Result) -> bool:
    """A skipped case counts where the run broke off, not where it was not asked for; a flaky one counts only then."""
    if result.status == SKIPPED:
        return result.reason in (CONTROLLER_DEAD, OUT_OF_TIME)
    return result.status in (FAILED, ERROR) and not result.flaky


def print_matrix(results: list[Result]) -> Counter[str]:
    """Table per area and the totals."""
    columns = ("passed", "failed", "flaky", "skipped")

    def column(result: Result) -> str:
        if result.status in (FAILED, ERROR):
            return "flaky" if result.flaky else "failed"
        return result.status

    print(f"\n{'area':<24}{''.join(f'{c:>9}' for c in columns)}    pass rate")
    total: Counter[str] = Counter()
    for area in [*sorted({r.area for r in results}), None]:
        rows = [r for r in results if area in (None, r.area)]
        count = Counter(column(r) for r in rows)
        ran = len(rows) - count["skipped"]
        rate = f"{100 * count['passed'] / ran:8.1f} %" if ran else "       -"
        reasons = Counter(r.reason for r in rows if r.status == SKIPPED)
        note = "; ".join(f"{n} {reason}" for reason, n in reasons.items()) if area else ""
        print(f"{area or 'TOTAL':<24}{''.join(f'{count[c]:>9}' for c in columns)}   {rate}{'   skipped: ' + note if note else ''}")
        total = count
    warned = sum(bool(r.warnings) for r in results)
    if warned:
        print(f"{warned} case(s) with warnings (--verbose or the JSON report shows them)")
    return total


class Schedule:
    """Order and supervision of all cases of a run."""

    def __init__(self, runner: Runner, controller: Controller, parallel: int, deadline: float, verbose: bool) -> None:
        self.runner, self.controller = runner, controller
        self.parallel, self.deadline, self.verbose = parallel, deadline, verbose
        self.results: dict[str, Result] = {}
        self._alone: list[Case] = []

    def skip(self, case: Case, reason: str) -> None:
        self.results[case.name] = Result(case.name, case.area, SKIPPED, reason, case.flaky)

    async def _one(self, case: Case, alone: bool) -> None:
        if not await self.controller.ensure():
            return self.skip(case, CONTROLLER_DEAD)
        left = self.deadline - time.monotonic()
        if left <= 0:
            return self.skip(case, OUT_OF_TIME)
        try:
            result = await asyncio.wait_for(self.runner.run(case), left)
        except TimeoutError:
            return self.skip(case, OUT_OF_TIME)
        except ControllerDied:
            if not alone:  # any of the cases in flight may be the cause: try each by itself at the end
                self._alone.append(case)
                return None
            result = Result(case.name, case.area, ERROR, "the controller died while this case ran alone", case.flaky)
        self.results[case.name] = result
        print_case(result, self.verbose)
        return None

    async def run(self, cases: list[Case]) -> None:
        """Ordinary cases in parallel, then those interrupted by a controller crash and exclusive ones, one by one."""
        queue = [c for c in reversed(cases) if not c.exclusive]

        async def worker() -> None:
            while queue:
                await self._one(queue.pop(), alone=False)

        await asyncio.gather(*(worker() for _ in range(self.parallel)))
        interrupted, self._alone = self._alone, []
        for case in [*interrupted, *(c for c in cases if c.exclusive)]:
            await self._one(case, alone=True)


async def run(args: argparse.Namespace) -> int:
    """The whole replay; returns the exit status."""
    start = time.monotonic()
    cases = load(args.vectors, set(args.area or ()) or None, set(args.case or ()) or None)
    if not cases:
        print("no cases selected", file=sys.stderr)
        return 2
    timing = Timing(patience=args.patience, case_limit=args.case_limit)
    rules = Rules(args.strict_messages, args.strict_stores, frozenset(args.ignore))
    webhook = Webhook(args.listen)
    await webhook.start()
    endpoints = dict.fromkeys(("AWS_SECRETSMANAGER_ENDPOINT", "AWS_SSM_ENDPOINT", "AWS_STS_ENDPOINT", "AWS_ENDPOINT_URL"), args.moto)
    environment = {"AWS_EC2_METADATA_DISABLED": "true", **(endpoints if args.moto else {})}
    kubeconfig = str(Path(args.kubeconfig).resolve())
    controller = Controller(args.controller_cmd, kubeconfig, environment, args.controller_log, args.controller_warmup)
    try:
        async with Kube(kubeconfig) as kube:
            backends = Backends(kube, webhook, Vault(args.bao, args.bao_token) if args.bao else None,
                                Aws(args.moto) if args.moto else None)
            runner = Runner(kube, backends, controller, placeholders(kube, webhook.url, args.bao, args.moto),
                            shared_idents(cases), rules, timing)
            schedule = Schedule(runner, controller, args.parallel, start + args.time_limit, args.verbose)
            todo = []
            for case in cases:
                missing = case.needs() - backends.available()
                if case.optional and not args.optional:
                    schedule.skip(case, f"optional: {case.optional}")
                elif missing:
                    schedule.skip(case, f"no address given for {', '.join(sorted(missing))}")
                else:
                    todo.append(case)
            await controller.ensure()
            await runner.prepare(base_secrets(kube, args.bao_token))
            await schedule.run(todo)
            before = {name: r.status for name, r in schedule.results.items()}
            try:
                await runner.check_events(todo, schedule.results, args.event_timeout)
            except Exception as error:  # noqa: BLE001 - the results so far are worth reporting
                print(f"events not compared: {type(error).__name__}: {error}", flush=True)
            for result in schedule.results.values():
                if before[result.name] == PASSED != result.status:
                    print_case(result, args.verbose)
    finally:
        await controller.stop()
        await webhook.stop()
    results = [schedule.results[c.name] for c in cases]
    total = print_matrix(results)
    print(f"{time.monotonic() - start:.0f} s, {controller.restarts} controller restart(s)")
    if args.json:
        args.json.write_text(json.dumps({
            "totals": dict(total), "seconds": round(time.monotonic() - start, 1), "controller_restarts": controller.restarts,
            "cases": [r.as_dict() for r in results]}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(any(counts_as_failure(r) for r in results))


def main() -> None:
    try:
        sys.exit(asyncio.run(run(arguments())))
    except (FileNotFoundError, ValueError) as error:
        print(f"replay: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
