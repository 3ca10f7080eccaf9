"""Tables, curves and pages made from measured results."""
