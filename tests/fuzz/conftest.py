import os

from hypothesis import HealthCheck, configuration, settings

# Without files in the checkout: examples are the same in every run of the suite, and random in a long one.
configuration.set_hypothesis_home_dir(os.devnull)
SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
settings.register_profile(
    "suite", max_examples=25, derandomize=True, database=None, deadline=None, suppress_health_check=SLOW
)
settings.register_profile(
    "long",
    max_examples=int(os.environ.get("DADA_FUZZ", "1")),
    database=None,
    deadline=None,
    suppress_health_check=SLOW,
    print_blob=True,
)
settings.load_profile("long" if "DADA_FUZZ" in os.environ else "suite")
