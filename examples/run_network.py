"""Run the digits network with its maps stored by a device, and compare with the golden model.

tilefold demo
python examples/run_network.py sim://ulx3s build/demo/digits.safetensors 20
"""

import sys

import numpy as np

from tilefold.bundle import Bundle
from tilefold.demo import digits
from tilefold.demo.calibrate import restore
from tilefold.demo.network import accuracy, forward, load
from tilefold.device import Device
from tilefold.maps import golden, through, to_samples, to_values
from tilefold.model.codec import encode
from tilefold.model.tiles import cut

url, path, count = *sys.argv[1:3], int(sys.argv[3])
bundle, data = Bundle.load(path), digits.load()
network, images, total = restore(bundle, load()), data.test_images[:count], []

with Device(url) as device:
    device.load(bundle)

    def store(name, maps):
        site = bundle.site(name)
        samples = to_samples(maps, site, bundle.config)
        words = device.encode(samples, name)
        expected = [encode(bundle.config, site.layer, cut(each, 8)).words for each in samples]
        assert np.array_equal(words, np.concatenate(expected))
        total.append(len(words))
        values = to_values(device.decode(words, name).reshape(samples.shape), site)
        assert np.array_equal(values, through(site, bundle.config, golden(bundle.config), maps))
        return values

    logits = forward(network, images, store)
right = accuracy(logits, data.test_labels[:count])
print(f"{right:.1%} of {count} digits, {sum(total)} words, each as the golden model says")
