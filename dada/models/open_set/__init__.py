"""Telling attacks that no training knew from those that it did, on the outputs of a trained classifier.

Beside `Config` and `Model(config, num_classes)`, K + 1 classes of which the last is unknown, a file holds

* `Model.forward(batch) -> Output`: the logits (B, K) of the classifier, or with `reads_embeddings` logits
  and embeddings (B, K + D), to log-probabilities (B, K + 1) and, as embedding, those logits,
* `Model.classes(log_probabilities)`: the decisions (B,), K for unknown,
* `Model.fit(train, dev) -> numbers`: fits the buffers to the outputs on train and dev, in the same form, and
  returns what open_set.json shows. `Config.width` is D, filled in before. OpenMax is fitted by
  dada/score/openmax.py, which searches its settings as well.
"""
