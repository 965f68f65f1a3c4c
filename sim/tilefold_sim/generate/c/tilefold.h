/* Tilefold: what a program on bare metal does with the registers of a core.
 *
 * C99, and C++. It needs no operating system, no memory but its caller's, and nothing of a library
 * but these three headers. Functions are not to be called for one side from two threads at once.
 *
 *     struct tilefold_side encoder = {tilefold_mmio((volatile uint32_t *)0x40000000),
 *                                     TILEFOLD_CODEC_ENCODER_BASE};
 *     enum tilefold_result result;
 *
 *     result = tilefold_load(&encoder, &tilefold_codec_layers[0].encoder, 1000);
 *     if (result != TILEFOLD_OK)
 *         report(tilefold_describe(result));
 *
 * The BASE is in the header of the core's registers, the layers are in the one that
 * `tilefold export` makes of a bundle.
 */
#ifndef TILEFOLD_DRIVER_H
#define TILEFOLD_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How registers are reached. Offsets count bytes from the core's first register. Accesses must
 * reach the core in the order in which they are made. */
struct tilefold_bus {
    uint32_t (*read)(void *context, uint32_t offset);
    void (*write)(void *context, uint32_t offset, uint32_t value);
    void *context; /* what both are called with */
};

/* A core in the address space of the processor, as memory that is not cached. */
struct tilefold_bus tilefold_mmio(volatile uint32_t *base);

/* An encoder or a decoder. */
struct tilefold_side {
    struct tilefold_bus bus;
    uint32_t base; /* offset of its first register */
};

/* Contents of the version register: what a side is. */
#define TILEFOLD_VERSION_ENCODER 0x00010e00u
#define TILEFOLD_VERSION_DECODER 0x00010d00u

enum tilefold_result {
    TILEFOLD_OK = 0,
    TILEFOLD_WRONG_ID,      /* there is no Tilefold core at that address */
    TILEFOLD_WRONG_VERSION, /* its register map is of another version */
    TILEFOLD_WRONG_SIDE,    /* it is a decoder in place of an encoder, or the reverse */
    TILEFOLD_WRONG_DIGEST,  /* it is built with another configuration */
    TILEFOLD_BUSY,          /* it still had no room for another layer at the last look */
    TILEFOLD_REFUSED        /* it was written to while it was busy; nothing was committed */
};

/* Tell in a sentence what a result means. */
const char *tilefold_describe(enum tilefold_result result);

/* Look who is there: what the version register holds, and the first word of the digest. */
enum tilefold_result tilefold_identify(const struct tilefold_side *side, uint32_t version,
                                       uint32_t digest);

struct tilefold_write {
    uint32_t offset; /* in bytes, from the first register of the side */
    uint32_t value;
};

/* All that a layer sets on one side. The commit is not among it: tilefold_load adds it. */
struct tilefold_settings {
    uint32_t version; /* what it is for; 0, of which there is none, where there is nothing */
    uint32_t digest;
    const struct tilefold_write *writes;
    size_t count;
};

struct tilefold_layer {
    const char *name;       /* the network's own, in UTF-8 */
    uint32_t groups;        /* tile groups of a packet */
    uint32_t words;         /* memory words of a packet */
    uint32_t tile;          /* points on a side of a tile */
    uint32_t channels_in;   /* of the encoder's samples */
    uint32_t channels;      /* that are stored */
    uint32_t channels_out;  /* of the decoder's samples */
    struct tilefold_settings encoder;
    struct tilefold_settings decoder;
    struct tilefold_settings projector;
};

/* Load a layer: the next packet and all after it run on it.
 *
 * First the side must be what the settings are for. A layer that was committed before must have
 * had a packet, and packets of the one before that must have left: status is read until it is so,
 * at most `polls` times, and at least once. Then everything is written, and committed only if
 * nothing of it was refused. After TILEFOLD_REFUSED that error is cleared; the layer before is
 * still in use, and loading may be tried again. errors.framing stays as it is.
 */
enum tilefold_result tilefold_load(const struct tilefold_side *side,
                                   const struct tilefold_settings *settings, uint32_t polls);

/* Counts since a reset or tilefold_clear, modulo 2^32, each at its own moment. */
struct tilefold_counters {
    uint32_t tiles;   /* stored, or restored; pixels that came to a projector */
    uint32_t words;   /* sent, or received; samples that a projector sent */
    uint32_t stalls;  /* cycles in which a word or a sample was ready and not taken */
    uint32_t limited; /* coefficients that an encoder saturated, samples that a decoder clipped,
                         packets that a projector sent */
};

struct tilefold_counters tilefold_read_counters(const struct tilefold_side *side);

/* Sticky errors. */
struct tilefold_errors {
    bool refused; /* a write or commit while busy was ignored */
    bool framing; /* a packet did not have the number of words that its settings promise */
};

struct tilefold_errors tilefold_read_errors(const struct tilefold_side *side);

/* Zero the counters and clear the errors that are seen now. */
void tilefold_clear(const struct tilefold_side *side);

#ifdef __cplusplus
}
#endif

#endif /* TILEFOLD_DRIVER_H */
