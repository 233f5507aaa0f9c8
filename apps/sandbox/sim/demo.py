"""The demo fleet: three clusters of a company, with things worth finding.

eu-prod   production in Frankfurt: busy shops behind ingress-nginx, some meshed by Istio
eu-dev    what the same teams develop and test: much of it idle; every special case of sleeping lives here
us-gpu    machine learning in Ohio, behind Envoy Gateway: expensive nodes, notebooks nobody uses
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from apps.sandbox.sim.fleet import Fleet, Node, Workload
from apps.sandbox.sim.prices import INSTANCE_TYPES
from apps.sandbox.sim.traffic import Source

_TEAMS = ("checkout", "search", "payments", "web", "mobile", "data", "identity", "logistics", "growth", "support")
_NAMES = (
    "api", "web", "worker", "gateway", "catalog", "cart", "orders", "pricing", "profile", "inventory", "mailer",
    "reports", "admin", "events", "images", "recommend", "sessions", "audit", "billing", "feeds", "geo", "rules",
)  # fmt: skip
_ML = ("train", "serve", "features", "labels", "embed", "eval", "export", "rank")
_BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Firefox/146.0"
_ROBOT = "UptimeRobot/2.0 (http://www.uptimerobot.com/)"
_SIZES = ((50, 64), (100, 128), (100, 256), (200, 256), (250, 512), (500, 1024))
_SHARES = {"eu-prod": 0.34, "eu-dev": 0.46, "us-gpu": 0.20}


def demo_fleets(*, seed: int, workloads: int = 400) -> list[Fleet]:
    """The three fleets, with about `workloads` workloads in all (the special ones are always there)."""
    random = Random(seed)  # noqa: S311  # a simulated company guards nothing
    makers = {"eu-prod": _production, "eu-dev": _development, "us-gpu": _machine_learning}
    return [makers[name](random, count=round(workloads * share)) for name, share in _SHARES.items()]


def _production(random: Random, *, count: int) -> Fleet:
    region, zone = "eu-central-1", "Europe/Berlin"
    namespaces = {f"{team}-prod": {"env": "prod", "team": team} for team in _TEAMS}
    system = _system_namespaces("ingress-nginx", "istio-system", "monitoring")
    spaces = list(namespaces.items())
    made = []
    for name, space, labels in _spread(spaces, names=_NAMES, count=count - len(_system_workloads(zone, "nginx"))):
        one = _service(random, name=name, namespace=space, team=labels["team"], zone=zone)
        route = one.route and ("istio" if labels["team"] in ("payments", "identity") else "nginx")
        busy = random.choice((20, 60, 400, 3_000, 20_000)) if route else 0
        one = replace(one, route=route, replicas=random.choice((2, 2, 3, 4)), pdb=random.random() < 0.5)
        if one.kind == "Deployment" and random.random() < 0.2:
            one = replace(one, hpa=(one.replicas, one.replicas * 3))
        made.append(_visited(one, per_hour=busy, shape="consumer", burst=0.15))
    return Fleet(
        "eu-prod", region, zone, _nodes(random, region, general=22, spot=6), {**system, **namespaces},
        (*_system_workloads(zone, "nginx"), *made), gateways=("nginx", "istio"), honor_labels=False,
    )  # fmt: skip


def _development(random: Random, *, count: int) -> Fleet:
    region, zone = "eu-central-1", "Europe/Berlin"
    pairs = [(team, env) for team in _TEAMS[:8] for env in ("dev", "test", "staging")][:18]
    namespaces = {f"{team}-{env}": {"env": env, "team": team} for team, env in pairs}
    system = _system_namespaces("ingress-nginx", "traefik", "argocd", "keda")
    special = [*_specials(zone), *_system_workloads(zone, "nginx")]
    made = []
    for name, space, labels in _spread(list(namespaces.items()), names=_NAMES, count=count - len(special)):
        one = _service(random, name=name, namespace=space, team=labels["team"], zone=zone)
        draw = random.random()
        owner = "helm" if draw < 0.25 else "argocd" if draw < 0.31 else "flux" if draw < 0.34 else ""
        one = replace(one, owner=owner, route=one.route and "nginx")
        # Nearly half of what is deployed for development has not been looked at for days.
        busy = 0 if random.random() < 0.45 else random.choice((2, 8, 30, 120))
        made.append(_visited(one, per_hour=busy, shape="office", active=random.choice((0.5, 0.8, 1.0))))
    claims = tuple((f"{team}-dev", f"old-{name}", gib) for team, name, gib in (
        ("checkout", "postgres-data", 100), ("search", "index-2025", 500), ("web", "uploads-copy", 50)))  # fmt: skip
    return Fleet(
        "eu-dev", region, zone, _nodes(random, region, general=12, spot=8), {**system, **namespaces},
        (*special, *made), gateways=("nginx", "traefik"), lone_claims=claims, down=("traefik",),
    )  # fmt: skip


def _machine_learning(random: Random, *, count: int) -> Fleet:
    region, zone = "us-east-2", "America/New_York"
    spaces = {f"ml-{name}": {"env": env, "team": "ml"} for name, env in (
        ("prod", "prod"), ("staging", "staging"), ("dev", "dev"), ("research", "dev"))}  # fmt: skip
    system = _system_namespaces("envoy-gateway-system", "monitoring")
    notebooks = [
        Workload("StatefulSet", "ml-research", f"notebook-{who}", team="ml", zone=zone, route="envoy", gpus=1,
                 cpu_millicores=2_000, memory_mib=8_192, claim_gib=200,
                 sources=_visits(per_hour, active=0.4, zone=zone))
        for who, per_hour in (("ada", 0), ("grace", 40), ("alan", 0))
    ]  # fmt: skip
    fixed = [*notebooks, *_system_workloads(zone, "envoy")]
    made = []
    for name, space, labels in _spread(list(spaces.items()), names=_ML, count=count - len(fixed)):
        one = _service(random, name=name, namespace=space, team="ml", zone=zone)
        one = replace(one, route=one.route and "envoy")
        if name.startswith("serve") and labels["env"] == "prod":
            one = replace(one, gpus=1, cpu_millicores=1_000, memory_mib=4_096, replicas=2)
        busy = random.choice((0, 10, 300, 2_000)) if labels["env"] == "prod" else random.choice((0, 0, 5, 40))
        made.append(_visited(one, per_hour=busy, shape="consumer" if labels["env"] == "prod" else "office"))
    return Fleet(
        "us-gpu", region, zone, _nodes(random, region, general=6, spot=2, gpu=6), {**system, **spaces},
        (*fixed, *made), gateways=("envoy",),
        lone_claims=(("ml-research", "scratch-2024", 2_000), ("ml-dev", "dataset-copy", 800)),
    )  # fmt: skip


def _specials(zone: str) -> list[Workload]:
    """One workload for each thing that sleeping must get right."""
    ns = "checkout-dev"
    base = {"namespace": ns, "team": "checkout", "zone": zone, "route": "nginx"}

    def one(name: str, kind: str = "Deployment", **more: object) -> Workload:
        return Workload(kind=kind, name=name, **{**base, **more})  # type: ignore[arg-type]

    office = _visits(30, zone=zone)
    probes = (Source("", path="/healthz", agent="kube-probe/1.36", per_hour=360, probe=True),
              Source("", path="/healthz", agent=_ROBOT, per_hour=12, probe=True))  # fmt: skip
    return [
        one("idle-for-days", replicas=2),
        one("only-probes", paths=("/", "/healthz"), sources=probes),
        one("behind-a-gap", route="traefik"),
        one("ingressroute-idle", route="traefik-crd", sources=_visits(4, active=0.3, zone=zone)),
        one("owned-by-argocd", owner="argocd", replicas=2),
        one("argocd-by-label", owner="argocd-label"),
        one("owned-by-flux", owner="flux"),
        one("installed-by-helm", owner="helm", replicas=2),
        one("no-route", route="", replicas=2),
        one("hpa-at-its-minimum", hpa=(2, 8), replicas=2, sources=_visits(6, zone=zone)),
        one("queue-consumer", keda=True, route="nginx"),
        one("reapplied-every-3m", replicas=2, reapplied=True),
        one("office-hours", replicas=3, sources=office),
        one("shop-frontend", sources=office, annotations={"example.com/needs": "shop-database"}),
        one("shop-database", kind="StatefulSet", claim_gib=20, replicas=1),
        one("rare-visitor", sources=_visits(0.4, shape="flat", zone=zone)),
        one("nightly-report", kind="CronJob", route="", schedule="15 2 * * *"),
        one("bare-debug", kind="Pod", route=""),
        one("migration-once", kind="Job", route=""),
    ]


def _system_workloads(zone: str, gateway: str) -> list[Workload]:
    """The agents and controllers that every cluster runs."""
    namespace, name = {"nginx": ("ingress-nginx", "ingress-nginx-controller"),
                       "envoy": ("envoy-gateway-system", "envoy-gateway")}[gateway]  # fmt: skip
    return [
        Workload("DaemonSet", "kube-system", "node-agent", zone=zone, cpu_millicores=50, memory_mib=64),
        Workload("Deployment", "kube-system", "coredns", replicas=2, zone=zone),
        Workload("Deployment", namespace, name, replicas=2, zone=zone, cpu_millicores=200, memory_mib=256, pdb=True),
    ]


def _system_namespaces(*names: str) -> dict[str, dict[str, str]]:
    return {name: {"team": "platform", "env": "system"} for name in names}


def _spread(
    spaces: list[tuple[str, dict[str, str]]], *, names: tuple[str, ...], count: int
) -> list[tuple[str, str, dict[str, str]]]:
    """`count` names over the namespaces, each once in each namespace."""
    found = []
    for i in range(max(count, 0)):
        space, labels = spaces[i % len(spaces)]
        turn, word = divmod(i // len(spaces), len(names))
        found.append((names[word] + (f"-{turn + 1}" if turn else ""), space, labels))
    return found


def _service(random: Random, *, name: str, namespace: str, team: str, zone: str) -> Workload:
    """An ordinary workload: mostly a Deployment, sometimes with a route ("yes" until its class is chosen)."""
    cpu, memory = random.choice(_SIZES)
    draw, days = random.random(), round(random.uniform(8, 400), 3)
    common = {"namespace": namespace, "name": name, "team": team, "zone": zone, "days_old": days,
              "version": random.randrange(40)}  # fmt: skip
    if draw < 0.06:
        schedule = f"{random.randrange(60)} {random.randrange(24)} * * *"
        return Workload("CronJob", schedule=schedule, cpu_millicores=100, memory_mib=128, **common)  # type: ignore[arg-type]
    if draw < 0.16:
        return Workload("StatefulSet", cpu_millicores=cpu, memory_mib=memory, claim_gib=random.choice((0, 10, 50)),
                        route="yes" if draw < 0.10 else "", **common)  # type: ignore[arg-type]  # fmt: skip
    replicas = random.choice((1, 1, 2))
    return Workload("Deployment", replicas=replicas, cpu_millicores=cpu, memory_mib=memory,
                    route="yes" if draw < 0.85 else "", **common)  # type: ignore[arg-type]  # fmt: skip


def _visited(one: Workload, *, per_hour: float, shape: str, active: float = 1.0, burst: float = 0.0) -> Workload:
    if not one.route or not per_hour:
        return one
    return replace(one, sources=_visits(per_hour, shape=shape, active=active, burst=burst, zone=one.zone))


def _visits(
    per_hour: float, *, zone: str, shape: str = "office", active: float = 1.0, burst: float = 0.0
) -> tuple[Source, ...]:
    """People, and now and then an error. The workload's key is put in when the fleet is built."""
    if not per_hour:
        return ()
    people = Source("", agent=_BROWSER, per_hour=per_hour, shape=shape, zone=zone, active_day_chance=active,
                    burst_chance=burst)  # fmt: skip
    failing = replace(people, path="/search", status=404, per_hour=per_hour * 0.01, burst_chance=0.0)
    return (people, failing) if per_hour >= 100 else (people,)


def _nodes(random: Random, region: str, *, general: int, spot: int, gpu: int = 0) -> tuple[Node, ...]:
    """Nodes over three zones: amd64 and ARM on demand, spot, and GPU ones."""
    plain = [name for name, kind in INSTANCE_TYPES.items() if not kind.gpus]
    made = [("general", random.choice(plain), False) for _ in range(general)]
    made += [("spot", random.choice(("m5.2xlarge", "m7g.2xlarge", "c5.2xlarge")), True) for _ in range(spot)]
    made += [("gpu", ("g5.2xlarge", "g5.12xlarge", "p4d.24xlarge")[i % 3], i % 3 == 0) for i in range(gpu)]
    return tuple(
        Node(f"ip-10-0-{i}-{random.randrange(2, 254)}.{region}.compute.internal", instance, region,
             f"{region}{'abc'[i % 3]}", pool, cheap)
        for i, (pool, instance, cheap) in enumerate(made)
    )  # fmt: skip
