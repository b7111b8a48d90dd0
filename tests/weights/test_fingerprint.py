from masklet.weights.fingerprint import fingerprint
from tests.tiny import tiny_model


def test_the_same_weights_have_the_same_fingerprint_and_others_another():
    assert fingerprint(tiny_model(seed=3)) == fingerprint(tiny_model(seed=3))
    assert fingerprint(tiny_model(seed=3)) != fingerprint(tiny_model(seed=4))
