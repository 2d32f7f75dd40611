"""Each backbone's family is described in full, and its figures are those of the networks."""

import pytest

from tlstudio.model import catalog
from tlstudio.model.families import FAMILIES, family_of, preprocessing_words


@pytest.mark.parametrize("known", catalog.CATALOG, ids=lambda known: known.name)
def test_every_network_has_its_family_and_its_preprocessing_in_words(known):
    family = family_of(known)

    assert 2014 <= family.year <= 2022
    assert family.address.startswith("https://")
    assert preprocessing_words(known)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_idea_is_two_sentences(family):
    ends = [part for part in family.idea.split(". ") if part]

    assert len(ends) == 2
    assert family.idea.endswith(".")
    assert any(known.family == family.name for known in catalog.CATALOG)


def test_what_is_said_of_vgg_is_what_the_catalogue_counts():
    vgg = catalog.facts("VGG16")

    assert f"{(vgg.params_with_top - vgg.params) / 1e6:.1f}" in family_of(vgg).idea
    assert f"{vgg.params_with_top / 1e6:.1f} million" in family_of(vgg).idea
