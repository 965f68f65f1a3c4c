/* Tilefold: the driver that tilefold.h declares. */
#include "tilefold.h"

/* Registers that both sides have, at the same offsets in every core. */
enum {
    ID = 0x00,
    VERSION = 0x04,
    DIGEST = 0x08,
    STATUS = 0x0c,
    CONTROL = 0x10,
    ERRORS = 0x14,
    COUNTERS = 0x20
};

#define TLFD 0x544c4644u

/* What of the version tells the map; the rest tells the side. */
#define MAP 0xffff0000u

#define STATUS_BUSY 0x2u
#define CONTROL_COMMIT 0x1u
#define CONTROL_CLEAR 0x2u
#define ERRORS_REFUSED 0x1u
#define ERRORS_FRAMING 0x2u

static uint32_t mmio_read(void *context, uint32_t offset)
{
    return ((volatile uint32_t *)context)[offset / 4];
}

static void mmio_write(void *context, uint32_t offset, uint32_t value)
{
    ((volatile uint32_t *)context)[offset / 4] = value;
}

struct tilefold_bus tilefold_mmio(volatile uint32_t *base)
{
    struct tilefold_bus bus;

    bus.read = mmio_read;
    bus.write = mmio_write;
    bus.context = (void *)base; /* the accesses take it as volatile again */
    return bus;
}

static uint32_t get(const struct tilefold_side *side, uint32_t offset)
{
    return side->bus.read(side->bus.context, side->base + offset);
}

static void put(const struct tilefold_side *side, uint32_t offset, uint32_t value)
{
    side->bus.write(side->bus.context, side->base + offset, value);
}

const char *tilefold_describe(enum tilefold_result result)
{
    switch (result) {
    case TILEFOLD_OK:
        return "done";
    case TILEFOLD_WRONG_ID:
        return "there is no Tilefold core at this address";
    case TILEFOLD_WRONG_VERSION:
        return "the core's register map is of another version";
    case TILEFOLD_WRONG_SIDE:
        return "the core is of the other side: an encoder or a decoder";
    case TILEFOLD_WRONG_DIGEST:
        return "the core is built with another configuration";
    case TILEFOLD_BUSY:
        return "the core is still busy with packets of the layers before";
    case TILEFOLD_REFUSED:
        return "the core was written to while it was busy, and nothing was committed";
    }
    return "no result of this driver";
}

enum tilefold_result tilefold_identify(const struct tilefold_side *side, uint32_t version,
                                       uint32_t digest)
{
    uint32_t found;

    if (get(side, ID) != TLFD)
        return TILEFOLD_WRONG_ID;
    found = get(side, VERSION);
    if ((found & MAP) != (version & MAP))
        return TILEFOLD_WRONG_VERSION;
    if (found != version)
        return TILEFOLD_WRONG_SIDE;
    if (get(side, DIGEST) != digest)
        return TILEFOLD_WRONG_DIGEST;
    return TILEFOLD_OK;
}

/* Whether a write was refused. If so, that is cleared; other errors stay. */
static bool refused(const struct tilefold_side *side)
{
    if (!(get(side, ERRORS) & ERRORS_REFUSED))
        return false;
    put(side, ERRORS, ERRORS_REFUSED);
    return true;
}

enum tilefold_result tilefold_load(const struct tilefold_side *side,
                                   const struct tilefold_settings *settings, uint32_t polls)
{
    enum tilefold_result result = tilefold_identify(side, settings->version, settings->digest);
    size_t n;

    if (result != TILEFOLD_OK)
        return result;
    while (get(side, STATUS) & STATUS_BUSY) {
        if (polls <= 1)
            return TILEFOLD_BUSY;
        polls--;
    }
    /* What was refused before belongs to a layer that is now replaced as a whole. */
    (void)refused(side);
    for (n = 0; n < settings->count; n++)
        put(side, settings->writes[n].offset, settings->writes[n].value);
    if (refused(side))
        return TILEFOLD_REFUSED;
    put(side, CONTROL, CONTROL_COMMIT);
    if (refused(side))
        return TILEFOLD_REFUSED;
    return TILEFOLD_OK;
}

struct tilefold_counters tilefold_read_counters(const struct tilefold_side *side)
{
    struct tilefold_counters counters;

    counters.tiles = get(side, COUNTERS);
    counters.words = get(side, COUNTERS + 0x4);
    counters.stalls = get(side, COUNTERS + 0x8);
    counters.limited = get(side, COUNTERS + 0xc);
    return counters;
}

struct tilefold_errors tilefold_read_errors(const struct tilefold_side *side)
{
    struct tilefold_errors errors;
    uint32_t found = get(side, ERRORS);

    errors.refused = (found & ERRORS_REFUSED) != 0;
    errors.framing = (found & ERRORS_FRAMING) != 0;
    return errors;
}

void tilefold_clear(const struct tilefold_side *side)
{
    put(side, CONTROL, CONTROL_CLEAR);
    put(side, ERRORS, get(side, ERRORS));
}
