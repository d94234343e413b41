"""Network namespaces, real servers, a director and load: used by the tests, the demo and the bench."""
