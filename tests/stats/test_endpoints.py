"""The table of what is counted."""

from safedose.stats.endpoints import ENDPOINTS, READABLE, endpoints_for


def test_every_endpoint_counts_values_its_axis_has() -> None:
    assert all(endpoint.counted < READABLE[endpoint.axis] for endpoint in ENDPOINTS)


def test_names_are_unique_so_an_estimate_names_one_count() -> None:
    names = [endpoint.name for endpoint in ENDPOINTS]
    assert len(set(names)) == len(names)


def test_no_axis_but_harm_speaks_of_harm() -> None:
    assert [one.name for one in endpoints_for("harm")] == ["harmful_response_rate"]
    assert {one.axis for one in ENDPOINTS if "harm" in one.name} == {"harm"}


def test_exaggeration_looks_only_at_prompts_to_comply_with() -> None:
    (exaggerated,) = [one for one in ENDPOINTS if one.name == "exaggerated_refusal_rate"]
    assert (exaggerated.expected, exaggerated.counted) == ("comply", {"full_refusal", "partial_refusal"})
