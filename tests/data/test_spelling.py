"""Names of lists in another spelling than those of the files."""

from dada.data.spelling import respelled, spelling


def test_slashes_case_and_unicode():
    assert spelling(".\\JOE\\Zoe\u0308.WAV") == spelling("joe/zo\u00eb.wav") == "joe/zo\u00eb.wav"
    assert spelling("a-1.wav") != spelling("a_1.wav")


def test_only_what_is_clear_is_matched(caplog):
    found, unclear = respelled(
        ["A\\1.WAV", "B.wav", "c.wav", "x.wav"], ["a/1.wav", "b.wav", "b.WAV"], "list.csv"
    )
    assert found == {"A\\1.WAV": "a/1.wav"}
    assert unclear == ["'B.wav' may be 'b.WAV' or 'b.wav'"]
    assert "list.csv: 1 names differ from those of the files" in caplog.text
    assert respelled(["D.wav", "d.WAV"], ["d.wav"], "list.csv")[0] == {}
