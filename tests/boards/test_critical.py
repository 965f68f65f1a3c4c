from tilefold_boards.critical import critical_path


def step(kind, delay, start, end, net=None):
    (start_cell, start_port), (end_cell, end_port) = start, end
    return {
        "type": kind,
        "delay": delay,
        "from": {"cell": start_cell, "port": start_port},
        "to": {"cell": end_cell, "port": end_port},
    } | ({"net": net} if net else {})


def report(*steps, start="posedge clk", end="posedge clk"):
    return {"critical_paths": [{"from": start, "to": end, "path": list(steps)}]}


FF, LUT = "rows.sum_TRELLIS_FF_Q_3", "rows.sum_LUT4_Z"
STEPS = (
    step("clk-to-q", 0.5, (FF, "Q"), (FF, "Q")),
    step("routing", 1.0, (FF, "Q"), (LUT, "A"), "rows.sum[3]"),
    step("logic", 0.25, (LUT, "A"), (LUT, "F")),
    step("routing", 2.0, (LUT, "F"), ("o_CCU2C_S0$CCU2_COMB0", "A"), "pack.fills"),
    step("logic", 0.5, ("o_CCU2C_S0$CCU2_COMB0", "A"), ("o_CCU2C_S0$CCU2_COMB0", "FCO")),
    step("routing", 0.0, ("x", "FCO"), ("o_CCU2C_S0$CCU2_COMB1", "FCI"), "o_CCU2C_S0$FCI_INT"),
    step("logic", 0.5, ("o_CCU2C_S0$CCU2_COMB1", "FCI"), ("o_CCU2C_S0$CCU2_COMB1", "F")),
    step("routing", 0.25, ("x", "F"), ("output:o__payload[2]", "DI"), "o_TRELLIS_FF_Q_DI"),
    step("setup", 0.0, ("output:o__payload[2]", "DI"), ("output:o__payload[2]", "DI")),
)


def test_a_path_is_told_in_words():
    assert critical_path(report(*STEPS)).words == (
        "rows.sum[3] to output o__payload[2]: 5.00 ns, of it 1.75 logic in 2 levels and "
        "3.25 routing, via pack.fills"
    )


def test_a_carry_chain_is_one_level():
    assert critical_path(report(*STEPS)).levels == 2


def test_multipliers_and_memories_are_told_as_such():
    cells = [("dct.p_MULT18X18D_P0", "P1"), ("table.0.0_DP16KD_DOA", "ADA3")]
    path = critical_path(report(step("routing", 1.0, *cells, "dct.p_MULT18X18D_P0_P1")))
    assert (path.start, path.end) == ("multiplier dct.p", "memory table.0.0")


def test_what_comes_from_outside_is_no_path():
    assert critical_path(report(*STEPS, start="<async>")) is None
    assert critical_path(report(*STEPS, end="posedge other")) is None
    assert critical_path({"critical_paths": []}) is None


def test_the_slowest_is_told():
    both = report(*STEPS)
    both["critical_paths"] += report(
        step("routing", 9.0, STEPS[0]["from"].values(), (FF, "DI"), "n")
    )["critical_paths"]
    assert critical_path(both).routing_ns == 9


def test_a_signal_without_a_name_is_told_as_it_is():
    cells = [("\\$signal$83_TRELLIS_FF_Q_1", "Q"), ("x", "DI")]
    path = critical_path(report(step("routing", 1.0, *cells, "\\$signal$83_TRELLIS_FF_Q")))
    assert path.start == "$signal"
