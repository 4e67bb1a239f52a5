from vhlocal.session.phases import Phases


def test_phases_add_up_to_the_whole_and_never_go_back():
    now = [10.0]
    phases = Phases(9.0, lambda: now[0])
    phases.mark("event")
    copy = phases.copy()
    now[0] = 12.0
    phases.mark("signal", 11.5)
    phases.mark("import", 11.0)
    phases.mark("ready")
    assert phases.ended == (("event", 1.0), ("signal", 1.5), ("import", 0.0), ("ready", 0.5))
    assert phases.seconds == sum(seconds for _, seconds in phases.ended) == 3.0
    assert copy.ended == (("event", 1.0),)
