"""The demo's network in PyTorch, against the one in NumPy."""

import numpy as np
import pytest

from tilefold.demo.network import forward, load

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")


def test_it_answers_as_the_demo_does():
    from tilefold.demo import trained

    images, labels = trained.test()
    network = trained.network()
    with torch.no_grad():
        answers = network(torch.from_numpy(images[:64])).numpy()
    np.testing.assert_allclose(answers, forward(load(), images[:64]), atol=1e-4)
    assert (answers.argmax(axis=1) == labels[:64]).mean() > 0.95


def test_training_and_test_images_are_apart():
    from tilefold.demo import trained

    training, test = trained.training(), trained.test()
    assert [len(each) for each in (*training, *test)] == [1258, 1258, 539, 539]
