import pytest
from click.testing import CliRunner

from tilefold_sim import runner
from tilefold_sim.runner import Played, Report
from tilefold_sim.verbs import sim


@pytest.fixture
def calls(monkeypatch):
    """Arguments of each bench that would have run; icarus seems not to be installed."""
    calls = []

    def run(name, config, simulator, **more):
        calls.append((name, config, simulator, more))
        failure = "Traceback\nAssertionError: a bubble" if more["seed"] == 13 else ""
        return Report(name, simulator, (Played("a_packet_s_end_comes", 0.25, failure),), 3.0)

    monkeypatch.setattr(runner, "run", run)
    monkeypatch.setattr(runner, "installed", lambda simulator: simulator != "icarus")
    return calls


def called(*arguments):
    return CliRunner().invoke(sim, arguments)


def test_all_benches_run_unless_some_are_named(calls):
    assert called().exit_code == 0
    assert [name for name, *_ in calls] == ["encoder", "decoder", "codec"]
    calls.clear()
    assert called("codec", "encoder").exit_code == 0
    assert [name for name, *_ in calls] == ["codec", "encoder"]


def test_all_simulators_are_those_installed(calls):
    assert called("codec", "--simulator", "all", "--waves").exit_code == 0
    assert [(simulator, more["waves"]) for *_, simulator, more in calls] == [
        ("cxxrtl", False),
        ("verilator", True),
    ]


def test_a_configuration_is_a_preset_or_a_file(calls, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("channels = 3\ntables = 2\n")
    called("codec", "--preset", "video")
    called("codec", "--config", str(path))
    assert [config.channels for _, config, *_ in calls] == [4, 3]


def test_a_table_tells_what_was_kept(calls):
    output = called("codec").output
    assert "codec on verilator, built in 3 s" in output
    assert "a packet's end comes" in output
    assert "yes" in output


def test_a_broken_promise_is_told_and_ends_with_1(calls):
    done = called("codec", "--seed", "13")
    assert done.exit_code == 1
    assert "AssertionError: a bubble" in done.output


def test_a_simulator_that_fails_is_one_message(monkeypatch):
    def fail(*arguments, **more):
        raise RuntimeError("verilator failed, and build.log ends:\nno such file")

    monkeypatch.setattr(runner, "run", fail)
    done = called("codec")
    assert done.exit_code == 1
    assert done.output.endswith(
        "tilefold: error: verilator failed, and build.log ends:\nno such file\n"
    )


def test_the_list_tells_every_promise(calls):
    output = called("--list").output
    assert "a word that is lost or doubled" in output
    assert "icarus: not installed" in output
    assert not calls
