"""A mapping by frame that behaves as a dict does, and leaves earlier ones as they were."""

from hypothesis import given
from hypothesis import strategies as st

from masklet.tracking.frame_map import FrameMap

frames = st.integers(0, 1500)
edits = st.lists(
    st.one_of(
        st.tuples(st.just("set"), frames, st.integers()),
        st.tuples(st.just("drop"), frames, st.integers(0, 600)),
    ),
    max_size=30,
)


@given(script=edits)
def test_it_is_a_dict_by_frame_and_every_earlier_one_stays_as_it_was(script):
    current, expected = FrameMap(), {}
    past = []
    for name, frame, number in script:
        past.append((current, dict(expected)))
        if name == "set":
            current = current.with_frame(frame, number)
            expected[frame] = number
        else:
            gone = range(frame, frame + number)
            current = current.without(gone)
            expected = {f: value for f, value in expected.items() if f not in gone}
    for known, contents in (*past, (current, expected)):
        assert dict(known) == contents
        assert len(known) == len(contents)
        assert all(frame in known for frame in contents)
        assert 1501 not in known


def test_a_change_copies_one_chunk_and_shares_the_others():
    before = FrameMap({frame: frame for frame in range(1024)})
    after = before.with_frame(5, -5)
    shared = [before._chunks[number] is after._chunks[number] for number in range(4)]
    assert shared == [False, True, True, True]
