"""Device: a codec behind a link."""

from amaranth.hdl import Module, Mux, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from tilefold_hw.device import SPACES, DeviceConfig, device_registers

from .bank import Bank
from .intake import Intake
from .link import Link
from .pipeline import delay
from .route import Route
from .uart import UartReceiver, UartTransmitter
from .window import Window


class Device(wiring.Component):
    """A device, as :mod:`tilefold_hw.device` tells, between bytes in and bytes out.

    Parameters
    ----------
    config : DeviceConfig

    Members
    -------
    i : In(stream of 8 bits)
        Taken in every cycle.
    broken : In(1)
        A byte was lost on the line: the frame in progress is damaged.
    o : Out(stream of 8 bits)
    """

    def __init__(self, config: DeviceConfig):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(8)),
                "broken": In(1),
                "o": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        (width,) = {reg.width for reg in device_registers() if reg.name in _COUNTED}
        m.submodules.link = link = Link(config.slots, config.ring, width)
        intake, window = Intake(config.ring), Window(config.ring)
        bank, route = Bank(config), Route(config)
        # What a session leaves behind is gone when the next one begins.
        for name, part in {
            "intake": intake,
            "window": window,
            "bank": bank,
            "route": route,
        }.items():
            m.submodules[name] = ResetInserter(link.opened)(part)

        connect(m, flipped(self.i), link.i)
        connect(m, link.o, flipped(self.o))
        connect(m, link.intake, intake.port)
        connect(m, link.window, window.port)
        connect(m, intake.o, route.i)
        connect(m, route.o, window.i)
        m.d.comb += [
            link.broken.eq(self.broken),
            route.mode.eq(bank.mode),
            route.run.eq(bank.run),
            route.items.eq(bank.items),
        ]
        for name in ("left", "cycles", "words", "samples"):
            m.d.comb += getattr(bank, name).eq(getattr(route, name))
        for name in _COUNTED:
            m.d.comb += getattr(bank, name).eq(getattr(link, name))

        buses = {"device": bank.bus}
        if config.encoder:
            buses["encoder"] = route.encoder_bus
        if config.decoder:
            buses["decoder"] = route.decoder_bus
        self._spread(m, link.bus, buses)
        return m

    def _spread(self, m, bus, buses):
        """Give every bus its space of the addresses."""
        read = 0
        for name, part in buses.items():
            bits = len(part.address)
            here = Signal(name=f"{name}_here")
            m.d.comb += [
                here.eq(bus.address[bits:] == SPACES[name] >> bits),
                part.address.eq(bus.address),
                part.w_data.eq(bus.w_data),
                part.w_stb.eq(bus.w_stb & here),
            ]
            read |= Mux(delay(m, here, 1), part.r_data, 0)
        m.d.sync += bus.r_data.eq(read)


_COUNTED = ("damaged", "dropped", "wrong")


class SerialDevice(wiring.Component):
    """A device with a serial port.

    Parameters
    ----------
    config : DeviceConfig

    Members
    -------
    rx : In(1)
        From the host, of any clock.
    tx : Out(1)
        To the host.
    """

    def __init__(self, config: DeviceConfig):
        self.config = config
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(self.config.divisor)
        m.submodules.device = device = Device(self.config)
        m.submodules.transmitter = transmitter = UartTransmitter(self.config.divisor)
        connect(m, receiver.o, device.i)
        connect(m, device.o, transmitter.i)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            device.broken.eq(receiver.broken),
            self.tx.eq(transmitter.tx),
        ]
        return m
