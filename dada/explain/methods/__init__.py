"""Methods of attribution, one a file: `attribute(model, batch, background, targets, **options) -> (values,
base_value)`.

The model is in evaluation mode; `batch` and `background` have been checked: inputs of one shape, all steps
valid. `targets` are places of logits. Shapes of what comes back: values (B, K, *shape of one input),
base_value (B, K), K the number of targets. A new method is one file here.
"""
