// Runs a whole device that Verilator has translated: bytes to it and from it, one by one, or bit by
// bit over its serial line. Called from `board.py`. BYTES chooses the device without a serial line.

#include <cstdint>

#include "Vdevice.h"

namespace {

// The far end of a serial line: 8 bits, no parity, one stop bit.
struct Wire {
  uint32_t divisor;
  uint32_t sending = 0, send_left = 0, send_bits = 0;
  uint32_t shifted = 0, wait = 0, bits = 0;

  // One cycle of sending; true when a byte was taken.
  bool send(bool there, uint8_t byte, uint8_t &line) {
    bool taken = false;
    if (!send_bits && there) {
      sending = 1u << 9 | uint32_t{byte} << 1;
      send_bits = 10;
      send_left = divisor;
      taken = true;
    }
    line = send_bits ? sending & 1 : 1;
    if (send_bits && !--send_left) {
      sending >>= 1;
      --send_bits;
      send_left = divisor;
    }
    return taken;
  }

  // One cycle of receiving; true when a byte has come.
  bool receive(uint8_t line, uint8_t &byte) {
    if (!bits) {
      if (!line) bits = 10, wait = divisor / 2;
      return false;
    }
    if (wait--) return false;
    wait = divisor - 1;
    shifted = shifted >> 1 | uint32_t{line} << 9;
    if (--bits) return false;
    byte = shifted >> 1;
    return shifted >> 9;
  }

  bool idle() const { return !send_bits && !bits; }
};

struct Board {
  VerilatedContext context;
  Vdevice top{&context};
  Wire wire;

  void half(uint8_t clk) {
    top.clk = clk;
    top.eval();
  }
};

}  // namespace

extern "C" {

void *board_open(uint32_t divisor) {
  auto *board = new Board;
  board->wire.divisor = divisor;
#ifdef BYTES
  board->top.broken = 0;
#else
  board->top.rx = 1;
#endif
  return board;
}

void board_close(void *handle) { delete static_cast<Board *>(handle); }

void board_reset(void *handle, uint64_t cycles) {
  auto &board = *static_cast<Board *>(handle);
  board.top.rst = 1;
  while (cycles--) board.half(0), board.half(1);
  board.top.rst = 0;
}

// Run until *room* bytes have come out, or all bytes have gone in and nothing has moved for *quiet*
// cycles, or for *gap* if something has come out, or *most* cycles have passed. Returns the cycles;
// tells how many went in and came out.
uint64_t board_run(void *handle, const uint8_t *in, uint64_t count, uint8_t *out, uint64_t room,
                   uint64_t quiet, uint64_t gap, uint64_t most, uint64_t *taken, uint64_t *made) {
  auto &board = *static_cast<Board *>(handle);
  auto &top = board.top;
  uint64_t still = 0, cycle = 0;
  *taken = *made = 0;
  for (; cycle < most && *made < room; ++cycle) {
    if (*taken == count && still > (*made ? gap : quiet)) break;
    ++still;
#ifdef BYTES
    top.i___05Fvalid = *taken < count;
    top.i___05Fpayload = *taken < count ? in[*taken] : 0;
    top.o___05Fready = 1;
    board.half(0);
    if (top.i___05Fvalid && top.i___05Fready) ++*taken, still = 0;
    if (top.o___05Fvalid) out[(*made)++] = top.o___05Fpayload, still = 0;
#else
    const bool there = *taken < count;
    if (board.wire.send(there, there ? in[*taken] : 0, top.rx)) ++*taken;
    board.half(0);
    if (board.wire.receive(top.tx, out[*made])) ++*made;
    if (!board.wire.idle()) still = 0;
#endif
    board.half(1);
  }
  return cycle;
}

}  // extern "C"
