import pytest

from tlstudio.project.recipe import usual_recipe
from tlstudio.project.spec import Augmentation, Training

OWN = Training(
    optimizer="sgd",
    learning_rate=0.3,
    epochs=7,
    batch_size=5,
    seed=9,
    device="cpu",
    precision="float32",
    features="float32",
)


def test_fine_tuning_gets_a_phase_for_the_head_and_clipped_gradients() -> None:
    assert usual_recipe(OWN, trains_backbone=True, imbalance=1.0) == OWN.model_copy(
        update={
            "head_epochs": 5,
            "schedule": "cosine",
            "warmup": 1,
            "label_smoothing": 0.1,
            "clip_norm": 1.0,
            "early_stopping": 8,
            "augmentation": Augmentation(mode="views"),
        }
    )


def test_a_head_alone_gets_neither() -> None:
    recipe = usual_recipe(OWN, trains_backbone=False, imbalance=1.0)
    assert (recipe.head_epochs, recipe.clip_norm) == (0, 0.0)
    assert recipe.schedule == "cosine"


@pytest.mark.parametrize(("imbalance", "weighted"), [(1.0, False), (1.99, False), (2.0, True)])
def test_uneven_classes_are_weighted(imbalance: float, weighted: bool) -> None:
    assert usual_recipe(OWN, True, imbalance).class_weights is weighted


def test_what_a_recipe_is_made_of_is_set_whatever_it_was() -> None:
    odd = OWN.model_copy(
        update={
            "head_epochs": 3,
            "warmup": 9,
            "class_weights": True,
            "clip_norm": 7.0,
            "reduce_on_plateau": 2,
        }
    )
    for trains_backbone in (True, False):
        assert usual_recipe(odd, trains_backbone, 1.0) == usual_recipe(OWN, trains_backbone, 1.0)


def test_augmentation_that_was_chosen_stays() -> None:
    chosen = Augmentation(mode="live", flip=0.0, rotation=175)
    mine = OWN.model_copy(update={"augmentation": chosen})
    assert usual_recipe(mine, trains_backbone=True, imbalance=1.0).augmentation == chosen
    strong = OWN.model_copy(update={"augmentation": Augmentation(mode="off", rotation=175)})
    assert usual_recipe(strong, True, 1.0).augmentation == Augmentation(mode="views")


def test_it_is_a_training_that_a_project_can_hold() -> None:
    recipe = usual_recipe(Training(), True, 5.0)
    assert Training.model_validate(recipe.model_dump()) == recipe
