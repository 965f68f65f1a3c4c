// Runs a component that CXXRTL has translated: clock, bus, and streams that are fed, stalled and
// collected, all at the speed of C++. Called from `simulation.py`; `driver.py` mirrors the structs.

#include <cstdint>
#include <cstring>
#include <vector>

// The component, and TILEFOLD_PORTS(port) with its ports in order.
#include "design.cc"

namespace {

template <size_t Bits>
uint32_t *chunks(cxxrtl::value<Bits> &value) { return value.data; }

template <size_t Bits>
uint32_t *chunks(cxxrtl::wire<Bits> &wire) { return wire.curr.data; }

// Draws that decide on stalls (Vigna, xorshift64*).
struct Random {
  uint64_t state;

  uint32_t draw() {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return static_cast<uint32_t>((state * 0x2545F4914F6CDD1Dull) >> 32);
  }
};

}  // namespace

extern "C" {

// Transfers of a stream; cycles count from the start of the run.
struct Passed {
  uint64_t count;
  uint64_t first;
  uint64_t last;
  uint64_t gap;    // most cycles from one transfer to the next
  uint64_t waits;  // cycles in which an item was offered and not taken
};

// One side of the component. Ports are numbers in TILEFOLD_PORTS.
struct Side {
  int32_t valid;
  int32_t ready;
  int32_t payload;
  uint32_t chunks;  // 32-bit parts of a payload
  uint64_t stall;   // in 2**-32: 0 never pauses, 2**32 always
  Random random;
  Passed passed;
};

struct Bus {
  int32_t address;
  int32_t w_stb;
  int32_t w_data;
  int32_t r_data;
};

// Access to a bus, at this cycle or as soon after as the bus is free.
struct Access {
  uint64_t cycle;
  uint32_t bus;
  uint32_t address;
  uint32_t data;  // written, or read
  uint32_t write;
};

// What a payload port shows whenever its strobe is high.
struct Tap {
  int32_t strobe;
  int32_t payload;
  uint32_t chunks;
};

struct Run {
  Side i;
  Side o;
  const uint32_t *items;  // sent to i
  uint64_t count;
  uint64_t expected;  // items to wait for at o
  uint64_t idle;      // cycles to go on after the last of them
  uint64_t patience;  // cycles without a transfer or an access that end the run
  const Bus *buses;
  Access *accesses;
  uint64_t access_count;
  const Tap *taps;
  uint64_t tap_count;
  // State.
  uint64_t cycles;
  uint64_t moved;  // cycle of the last transfer or access
  uint64_t accessed;
  uint64_t idled;
  uint32_t offering;
};

enum Status { FINISHED, RUNNING, STUCK };

struct Simulation {
  cxxrtl_design::p_top top;
  std::vector<uint32_t *> ports;
  std::vector<uint32_t> received;
  std::vector<std::vector<uint32_t>> tapped;
  bool ordered;

  Simulation() {
#define PORT(name) chunks(top.name),
    ports = {TILEFOLD_PORTS(PORT)};
    // Evaluated in the order of its data, a circuit settles and ticks in one go. One with a loop
    // that only single bits break has no such order, and settles by iterating.
    top.p_clk = cxxrtl::value<1>{0u};
    ordered = top.eval();
    top.commit();
  }

  uint32_t &bit(int32_t port) { return *ports[port]; }

  // Let inputs reach the outputs.
  void settle() {
    top.p_clk = cxxrtl::value<1>{0u};
    top.step();
  }

  // Evaluate a rising edge. Until commit(), the outputs are those of before it.
  void edge() {
    if (!ordered) settle();
    top.prev_p_clk = cxxrtl::value<1>{0u};
    top.p_clk = cxxrtl::value<1>{1u};
    top.eval();
  }

  bool pauses(Side &side) { return side.stall && side.random.draw() < side.stall; }

  void append(std::vector<uint32_t> &to, int32_t payload, uint32_t count) {
    to.insert(to.end(), ports[payload], ports[payload] + count);
  }

  void pass(Run &run, Passed &passed) {
    if (!passed.count++)
      passed.first = run.cycles;
    else if (run.cycles - passed.last > passed.gap)
      passed.gap = run.cycles - passed.last;
    passed.last = run.moved = run.cycles;
  }

  // Start the accesses whose time has come, one a bus, in order.
  void access(Run &run, uint64_t begun[2]) {
    uint64_t busy = 0;
    begun[0] = run.accessed;
    while (run.accessed < run.access_count) {
      const Access &access = run.accesses[run.accessed];
      if (access.cycle > run.cycles || busy >> access.bus & 1) break;
      const Bus &bus = run.buses[access.bus];
      bit(bus.address) = access.address;
      bit(bus.w_data) = access.data;
      bit(bus.w_stb) = access.write;
      busy |= uint64_t{1} << access.bus;
      ++run.accessed;
      run.moved = run.cycles;
    }
    begun[1] = run.accessed;
  }

  Status advance(Run &run, uint64_t cycles) {
    Side &i = run.i, &o = run.o;
    uint64_t begun[2] = {run.accessed, run.accessed};
    for (uint64_t end = run.cycles + cycles; run.cycles < end; ++run.cycles) {
      const bool all =
          i.passed.count == run.count && o.passed.count >= run.expected &&
          run.accessed == run.access_count;
      if (all && run.idled++ == run.idle) return FINISHED;
      if (!all && run.cycles - run.moved > run.patience) return STUCK;

      // An item that is offered stays, unchanged, until it is taken.
      if (!run.offering && i.passed.count < run.count && !pauses(i)) {
        std::memcpy(ports[i.payload], run.items + i.passed.count * i.chunks, 4 * i.chunks);
        run.offering = bit(i.valid) = 1;
      }
      const bool ready = o.valid >= 0 && !pauses(o);
      if (o.valid >= 0) bit(o.ready) = ready;
      access(run, begun);

      edge();
      if (run.offering && bit(i.ready)) {
        run.offering = bit(i.valid) = 0;
        pass(run, i.passed);
      } else if (run.offering) {
        ++i.passed.waits;
      }
      if (ready && bit(o.valid)) {
        append(received, o.payload, o.chunks);
        pass(run, o.passed);
      } else if (o.valid >= 0 && bit(o.valid)) {
        ++o.passed.waits;
      }
      for (uint64_t n = 0; n < run.tap_count; ++n)
        if (bit(run.taps[n].strobe)) append(tapped[n], run.taps[n].payload, run.taps[n].chunks);
      top.commit();

      for (uint64_t n = begun[0]; n < begun[1]; ++n) {
        const Bus &bus = run.buses[run.accesses[n].bus];
        bit(bus.w_stb) = 0;
        // What was read is there from this edge on.
        if (!run.accesses[n].write) run.accesses[n].data = read(bus);
      }
    }
    return RUNNING;
  }

  uint32_t read(const Bus &bus) {
    settle();
    return bit(bus.r_data);
  }
};

Simulation *tilefold_open() { return new Simulation; }

void tilefold_close(Simulation *simulation) { delete simulation; }

uint32_t *tilefold_port(Simulation *simulation, uint32_t port) { return simulation->ports[port]; }

void tilefold_settle(Simulation *simulation) { simulation->settle(); }

void tilefold_tick(Simulation *simulation, uint64_t cycles) {
  while (cycles--) {
    simulation->edge();
    simulation->top.commit();
  }
}

int tilefold_advance(Simulation *simulation, Run *run, uint64_t cycles) {
  simulation->tapped.resize(run->tap_count);
  return simulation->advance(*run, cycles);
}

// End a run, finished or not: nothing is offered, nothing is taken.
void tilefold_end(Simulation *simulation, Run *run) {
  if (run->i.valid >= 0) simulation->bit(run->i.valid) = 0;
  if (run->o.valid >= 0) simulation->bit(run->o.ready) = 0;
  simulation->received.clear();
  simulation->tapped.clear();
}

// What the run has collected: at o, or at a tap.
const uint32_t *tilefold_received(Simulation *simulation, uint64_t *size) {
  *size = simulation->received.size();
  return simulation->received.data();
}

const uint32_t *tilefold_tapped(Simulation *simulation, uint64_t tap, uint64_t *size) {
  *size = simulation->tapped[tap].size();
  return simulation->tapped[tap].data();
}

}  // extern "C"
