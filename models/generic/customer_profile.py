"""Each customer of the bank with their age and a greeting: transformers in Python, as a model of its own."""

from feature_platform_py import SimpleAgeCalculator, WithGreeting


def model(dbt, session):  # noqa: ARG001, D103 - dbt's own signature
    customers = dbt.source("customer", "mm_customer")
    aged = SimpleAgeCalculator(birthdate_col="birthdate").apply(customers)
    return WithGreeting().apply(aged)
