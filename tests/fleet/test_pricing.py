"""What nodes and workloads cost an hour."""

from __future__ import annotations

from decimal import Decimal

import pytest

from apps.fleet.domain.pricing import PRICE_ANNOTATION, PriceBook, Rates, weight, workload_price
from apps.fleet.prices import listed_prices
from apps.kernel import kinds
from apps.kernel.marks import SLEPT, mark_text
from apps.kernel.vocab import Resources, SleptMark
from tests.fleet.build import look, make_cache, make_deployment, make_deployment_pod, make_node

GIB = 2**30
BOOK = PriceBook(listed={("m5.xlarge", "", False): Decimal("0.192")})
WEB = "Deployment/shop/web"


def test_a_full_node_costs_its_price() -> None:
    node = Resources(4000, 16 * GIB)
    rates = Rates({"n1": Decimal("0.192") / weight(node)}, None)
    whole = workload_price(running={"n1": weight(node)}, missing_pods=0, pod_requests=node, rates=rates)
    assert whole == Decimal("0.192000")


def test_a_price_is_split_at_the_base_rates() -> None:
    """0.031611 a vCPU to 0.004237 a GiB: half of each of a 4 vCPU, 16 GiB node is half its price."""
    assert weight(Resources(2000, 8 * GIB)) * 2 == weight(Resources(4000, 16 * GIB))
    cpu, memory, gpu = weight(Resources(1000)), weight(Resources(0, GIB)), weight(Resources(0, 0, 1))
    assert Decimal(cpu) / memory == Decimal("31611") / Decimal("4237")
    assert Decimal(gpu) / memory == Decimal("950000") / Decimal("4237")


def test_a_workload_costs_what_its_pods_cost() -> None:
    pods = [make_deployment_pod("web", number) for number in (1, 2)]
    found = look(
        make_cache({kinds.DEPLOYMENT: [make_deployment()], kinds.POD: pods, kinds.NODE: [make_node()]}, book=BOOK)
    )
    share = Decimal(weight(Resources(1000, GIB))) / weight(Resources(4000, 16 * GIB))
    assert found.prices[WEB] == (share * Decimal("0.192")).quantize(Decimal("0.000001"))


def test_a_sleeping_workload_keeps_the_price_it_has_awake() -> None:
    mark = mark_text(SleptMark(2, "p", "a"))
    asleep = make_deployment(replicas=0, metadata={"annotations": {SLEPT: mark}})
    awake = {
        kinds.DEPLOYMENT: [make_deployment()],
        kinds.POD: [make_deployment_pod("web", number) for number in (1, 2)],
        kinds.NODE: [make_node()],
    }
    resting = {kinds.DEPLOYMENT: [asleep], kinds.NODE: [make_node()]}
    want = look(make_cache(awake, book=BOOK)).prices[WEB]
    assert look(make_cache(resting, book=BOOK)).prices[WEB] == want


def test_a_node_without_a_price_makes_the_price_unknown() -> None:
    objects = {
        kinds.DEPLOYMENT: [make_deployment()],
        kinds.POD: [make_deployment_pod("web", 1), make_deployment_pod("web", 2, node="n2")],
        kinds.NODE: [make_node(), make_node("n2", type_="homemade")],
    }
    found = look(make_cache(objects, book=BOOK))
    assert found.nodes["Node/n2"].price_per_hour is None
    assert WEB not in found.prices


def test_an_annotation_prices_bare_metal() -> None:
    node = make_node(type_="homemade", annotations={PRICE_ANNOTATION: "1.25"})
    assert look(make_cache({kinds.NODE: [node]})).nodes["Node/n1"].price_per_hour == Decimal("1.25")


@pytest.mark.parametrize("text", ["", "free", "-1", "NaN", "Infinity"])
def test_an_annotation_that_is_no_price_is_passed_over(text: str) -> None:
    node = make_node(annotations={PRICE_ANNOTATION: text})
    assert look(make_cache({kinds.NODE: [node]}, book=BOOK)).nodes["Node/n1"].price_per_hour == Decimal("0.192")


def test_the_nearest_price_wins() -> None:
    """A row of the region, a row of any region, a list price of the region, a list price of any region."""
    keys = [("m5.xlarge", "eu-1", False), ("m5.xlarge", "", False)]
    node = make_node(labels={"topology.kubernetes.io/region": "eu-1"})
    for rows, listed, want in [
        (keys, keys, "10"),
        (keys[1:], keys, "11"),
        ([], keys, "20"),
        ([], keys[1:], "21"),
        ([], [], None),
    ]:
        book = PriceBook(
            rows={key: Decimal(10 + keys.index(key)) for key in rows},
            listed={key: Decimal(20 + keys.index(key)) for key in listed},
        )
        price = look(make_cache({kinds.NODE: [node]}, book=book)).nodes["Node/n1"].price_per_hour
        assert price == (None if want is None else Decimal(want))


def test_a_spot_node_takes_no_list_price_of_its_type() -> None:
    node = make_node(labels={"karpenter.sh/capacity-type": "spot"})
    found = look(make_cache({kinds.NODE: [node]}, book=BOOK)).nodes["Node/n1"]
    assert found.spot
    assert found.price_per_hour is None


def test_new_prices_reach_workloads_that_did_not_change() -> None:
    cache = make_cache(
        {kinds.DEPLOYMENT: [make_deployment()], kinds.NODE: [make_node()], kinds.POD: [make_deployment_pod("web", 1)]},
        book=BOOK,
    )
    was = look(cache).prices[WEB]
    cache.reprice(PriceBook(listed={("m5.xlarge", "", False): Decimal("0.384")}))
    assert abs(look(cache).prices[WEB] - 2 * was) <= Decimal("0.000001")
    assert WEB in cache.drain().workloads


def test_the_shipped_list_is_whole_and_sane() -> None:
    listed = listed_prices()
    assert len(listed) > 80
    assert all(Decimal("0.01") < price < Decimal(100) for price in listed.values())
    assert listed["m5.xlarge", "", False] == Decimal("0.192")
