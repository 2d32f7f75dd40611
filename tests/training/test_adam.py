import keras
import numpy as np
import pytest
import tensorflow as tf

from tlstudio.training import adam


def after_steps(optimizer: keras.optimizers.Optimizer, traced: bool) -> list[np.ndarray]:
    """The weights after 20 steps, and what the optimizer keeps."""
    random = np.random.default_rng(0)
    starts = [random.normal(size=shape).astype(np.float32) for shape in ((7, 5), (5,))]
    variables = [keras.Variable(start) for start in starts]
    optimizer.build(variables)

    def step(number: tf.Tensor) -> None:
        optimizer.apply([tf.sin(start * number) for start in starts], variables)

    if traced:
        step = tf.function(step, autograph=False)
    for number in range(1, 21):
        step(tf.constant(number, tf.float32))
    return [np.array(value) for value in (*variables, *optimizer.variables)]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(adam.Adam, keras.optimizers.Adam), (adam.AdamW, keras.optimizers.AdamW)],
)
@pytest.mark.parametrize("clip_norm", [None, 0.5])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("traced", [False, True])
def test_weights_and_moments_are_those_of_keras(
    ours: type[keras.optimizers.Adam],
    theirs: type[keras.optimizers.Adam],
    clip_norm: float | None,
    scaled: bool,
    traced: bool,
) -> None:
    found = []
    for kind in (ours, theirs):
        optimizer = kind(0.01, global_clipnorm=clip_norm)
        if scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        found.append(after_steps(optimizer, traced))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
