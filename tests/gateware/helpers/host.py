"""A host on a register bus, one access a cycle."""


class Host:
    """Named accesses to the registers of *regmap* over *bus*, in a test bench."""

    def __init__(self, ctx, bus, regmap):
        self.ctx = ctx
        self.bus = bus
        self.regmap = regmap

    async def put(self, address, value):
        """Write an address."""
        self.ctx.set(self.bus.address, address)
        self.ctx.set(self.bus.w_data, value & 0xFFFF_FFFF)
        self.ctx.set(self.bus.w_stb, 1)
        await self.ctx.tick()
        self.ctx.set(self.bus.w_stb, 0)

    async def get(self, address):
        """Read an address."""
        self.ctx.set(self.bus.address, address)
        await self.ctx.tick()
        return self.ctx.get(self.bus.r_data)

    async def write(self, name, value):
        """Write a register."""
        await self.put(self.regmap.register(name).address, value)

    async def read(self, name):
        """Read a register."""
        return await self.get(self.regmap.register(name).address)

    async def load(self, writes):
        """Write many addresses, one a cycle."""
        for address, value in writes:
            await self.put(address, value)
