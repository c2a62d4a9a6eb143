"""The lesson: nine steps from one shared pass to its price, as values.

The Learn page and the HTML file of ``muxviz lesson`` draw the same ``Step`` values; every number in
their words comes out of a recorded result (``muxviz.results.lessons``).
"""
