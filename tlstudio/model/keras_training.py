"""The part of the Keras script that trains: the constants of a training, and `main`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import indent

from tlstudio.model.python_source import Section, bracketed
from tlstudio.project.learning_rate import suited_rate
from tlstudio.project.spec import Optimizer, Training

OPTIMIZERS: dict[Optimizer, str] = {
    "adam": "Adam",
    "adamw": "AdamW",
    "sgd": "SGD",
    "rmsprop": "RMSprop",
}


@dataclass(frozen=True, slots=True)
class TrainingScript:
    training: Training
    trains_backbone: bool
    """Whether the freeze plan trains layers of the backbone."""
    pretrained: bool
    augments: bool
    """Whether the script has a function `augmented`."""
    drops: bool
    """Whether the trained part of the backbone has a Dropout."""

    @property
    def has_head_phase(self) -> bool:
        return self.trains_backbone and self.training.head_epochs > 0

    @property
    def is_scheduled(self) -> bool:
        return self.training.schedule == "cosine" or self.training.warmup > 0

    def sections(self) -> Iterator[Section]:
        yield Section("\n".join(self._constants()))
        if self.training.class_weights:
            yield Section(_BALANCING_WEIGHTS, frozenset({"np"}))
        if self.is_scheduled:
            has_cosine = self.training.schedule == "cosine"
            yield Section(self._learning_rate(), frozenset({"math"} if has_cosine else ()))
        yield Section(self._compile_model())
        body = "\n".join(self._main())
        imports = frozenset({"tf"} if "tf." in body else ())
        yield Section(f"def main():\n{indent(body, '    ')}", imports)

    def _constants(self) -> Iterator[str]:
        training = self.training
        if self.has_head_phase:
            yield f"HEAD_EPOCHS = {training.head_epochs}"
            suited = suited_rate(training.optimizer, trains_backbone=False)
            yield f"HEAD_LEARNING_RATE = {training.head_learning_rate or suited}"
        yield f"EPOCHS = {training.epochs}"
        if training.learning_rate is None:
            rate = suited_rate(training.optimizer, self.trains_backbone, self.pretrained)
            why = "for a new head"
            if self.trains_backbone:
                why = "small steps for pretrained layers" if self.pretrained else "for new weights"
            yield f"LEARNING_RATE = {rate}  # {why}"
        else:
            yield f"LEARNING_RATE = {training.learning_rate}"
        if training.warmup:
            yield f"WARMUP_EPOCHS = {min(training.warmup, training.epochs)}"
        yield 'BEST = "best.weights.h5"'

    def _learning_rate(self) -> str:
        """A callback that gives each step the rate that `training.schedule.rates` has for it."""
        training, plateau = self.training, self.training.reduce_on_plateau
        match training.schedule, training.warmup > 0:
            case "cosine", True:
                words, share = "a line up, half a cosine down", _WARMUP_AND_COSINE
            case "cosine", False:
                words, share = "half a cosine down", _COSINE
            case _:
                words, share = "a line up, then constant", _WARMUP
        template = _LEARNING_RATE_WITH_PLATEAU if plateau else _LEARNING_RATE
        return template.format(
            words=words,
            share=indent(share, " " * 8),
            watched=self._watched_loss,
            patience=plateau,
        )

    @property
    def _watched_loss(self) -> str:
        """tlstudio judges validation without the smoothing of labels."""
        return "val_categorical_crossentropy" if self.training.label_smoothing else "val_loss"

    def _compile_model(self) -> str:
        training = self.training
        optimizer = ["learning_rate"]
        if training.optimizer == "sgd":
            optimizer.append("momentum=0.9")
        if training.clip_norm:
            optimizer.append(f"global_clipnorm={training.clip_norm}")
        made = f"optimizer=keras.optimizers.{OPTIMIZERS[training.optimizer]}("
        smoothing = training.label_smoothing
        loss = 'loss="categorical_crossentropy"'
        if smoothing:
            smoothed = [f"label_smoothing={smoothing}"]
            loss = bracketed("loss=keras.losses.CategoricalCrossentropy(", smoothed, ")", 9)
        metrics = '["accuracy"]'
        if smoothing and training.reduce_on_plateau:
            metrics = '["accuracy", "categorical_crossentropy"]'
        arguments = [bracketed(made, optimizer, ")", 9), loss, f"metrics={metrics}"]
        call = bracketed("model.compile(", arguments, ")", 4)
        return f"def compile_model(model, learning_rate):\n{indent(call, '    ')}"

    def _main(self) -> Iterator[str]:
        training = self.training
        yield "keras.utils.set_random_seed(SEED)"
        yield from self._device()
        yield "train, val = load_pictures()"
        if training.class_weights:
            yield "class_weight = balancing_weights(train)"
        if self.augments:
            yield "train = augmented(train)"
        yield from self._precision()
        yield ""
        freeze = "base.trainable = False" if self.has_head_phase else "set_trainable(base)"
        rate = "HEAD_LEARNING_RATE" if self.has_head_phase else "LEARNING_RATE"
        built = ["base = make_base()", "model = make_model(base)"]
        if self.has_head_phase:
            built.append("# First the head alone: its random weights would spoil the layers below.")
            if self.drops:
                built.append("# tlstudio also switches off each Dropout of the base meanwhile.")
        yield from self._in_scope([*built, freeze, f"compile_model(model, {rate})"])
        yield ""
        yield from self._callbacks()
        yield ""
        if self.has_head_phase:
            yield self._fit("HEAD_EPOCHS", scheduled=False)
            yield "model.load_weights(BEST)"
            yield ""
            yield "# Then what the freeze plan says. Compile anew, or Keras would not know of it."
            yield from self._in_scope(
                ["set_trainable(base)", "compile_model(model, LEARNING_RATE)"]
            )
        yield self._fit("EPOCHS", self.is_scheduled)
        yield "model.load_weights(BEST)"
        yield 'model.save("model.keras")'

    def _device(self) -> Iterator[str]:
        device = self.training.device
        numbered = re.fullmatch(r"gpu:?([0-9]{0,4})", device)
        if device == "cpu":
            yield 'tf.config.set_visible_devices([], "GPU")  # the CPU alone'
        elif device == "gpus":
            yield "strategy = tf.distribute.MirroredStrategy()  # all GPUs together"
        elif numbered:
            yield 'gpus = tf.config.list_physical_devices("GPU")'
            yield f'tf.config.set_visible_devices(gpus[{int(numbered[1] or 0)}], "GPU")'

    def _precision(self) -> Iterator[str]:
        half = 'keras.config.set_dtype_policy("mixed_float16")'
        if self.training.precision == "mixed_float16":
            yield half
        elif self.training.precision == "auto" and self.training.device != "cpu":
            yield 'if tf.config.list_physical_devices("GPU"):'
            yield f"    {half}  # quicker there"

    def _in_scope(self, lines: list[str]) -> Iterator[str]:
        if self.training.device == "gpus":
            yield "with strategy.scope():"
            yield indent("\n".join(lines), "    ")
        else:
            yield from lines

    def _callbacks(self) -> Iterator[str]:
        training = self.training
        yield "# Of equal accuracies the first; tlstudio takes the one of lower loss."
        yield _KEEP_BEST
        names = ["keep_best"]
        if training.early_stopping:
            patience = f"patience={training.early_stopping}"
            watched = ['monitor="val_accuracy"', 'mode="max"', patience]
            yield bracketed("stop_early = keras.callbacks.EarlyStopping(", watched, ")", 4)
            names.append("stop_early")
        if training.reduce_on_plateau and (self.has_head_phase or not self.is_scheduled):
            watched = [
                f'monitor="{self._watched_loss}"',
                'mode="min"',
                "factor=0.5",
                f"patience={training.reduce_on_plateau}",
                "min_delta=0.0",
            ]
            yield bracketed("halve_rate = keras.callbacks.ReduceLROnPlateau(", watched, ")", 4)
        yield f"callbacks = [{', '.join(names)}]"

    def _fit(self, epochs: str, scheduled: bool) -> str:
        callbacks = "callbacks"
        if scheduled:
            callbacks = "[*callbacks, LearningRate()]"
        elif self.training.reduce_on_plateau:
            callbacks = "[*callbacks, halve_rate]"
        arguments = ["train", "validation_data=val", f"epochs={epochs}", f"callbacks={callbacks}"]
        if self.training.class_weights:
            arguments.append("class_weight=class_weight")
        return bracketed("model.fit(", arguments, ")", 4)


_BALANCING_WEIGHTS = '''\
def balancing_weights(train):
    """What a picture of each class counts, so that all classes count alike."""
    # Reads the pictures once more, for their labels.
    counts = sum(labels.sum(axis=0) for _, labels in train.as_numpy_iterator())
    weights = counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return dict(enumerate(weights.tolist()))'''

_LEARNING_RATE = '''\
class LearningRate(keras.callbacks.Callback):
    """Sets the rate of each step: {words}."""

    def on_train_begin(self, logs=None):
        self.step = 0

    def on_train_batch_begin(self, batch, logs=None):
{share}
        self.model.optimizer.learning_rate = LEARNING_RATE * share
        self.step += 1'''

_LEARNING_RATE_WITH_PLATEAU = '''\
class LearningRate(keras.callbacks.Callback):
    """Sets the rate of each step: {words}; halved on a plateau."""

    def on_train_begin(self, logs=None):
        self.step = 0
        self.factor = 1.0
        self.lowest = float("inf")
        self.waited = 0

    def on_train_batch_begin(self, batch, logs=None):
{share}
        self.model.optimizer.learning_rate = LEARNING_RATE * share * self.factor
        self.step += 1

    def on_epoch_end(self, epoch, logs=None):
        if logs["{watched}"] < self.lowest:
            self.lowest = logs["{watched}"]
            self.waited = 0
            return
        self.waited += 1
        if self.waited == {patience}:
            self.factor /= 2
            self.waited = 0'''

_WARMUP_AND_COSINE = """\
warmup = WARMUP_EPOCHS * self.params["steps"]
if self.step < warmup:
    share = (self.step + 1) / warmup
else:
    passed = (self.step - warmup) / (EPOCHS * self.params["steps"] - warmup)
    share = 0.5 * (1 + math.cos(math.pi * passed))"""

_COSINE = """\
passed = self.step / (EPOCHS * self.params["steps"])
share = 0.5 * (1 + math.cos(math.pi * passed))"""

_WARMUP = """\
share = min(1.0, (self.step + 1) / (WARMUP_EPOCHS * self.params["steps"]))"""

_KEEP_BEST = """\
keep_best = keras.callbacks.ModelCheckpoint(
    BEST,
    monitor="val_accuracy",
    mode="max",
    save_best_only=True,
    save_weights_only=True,
)"""
