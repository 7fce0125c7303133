"""What several tests of the kernel use."""

from saleswright.kernel.tests.receiver import at_home, receiver  # noqa: F401  fixtures
