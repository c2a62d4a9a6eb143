"""Which N and which sparsity: models of accuracy and throughput over both, from measured points.

    points = read_points("points.csv")
    planner = fit_planner(points)
    advice = advise(planner, make_goal(points, budget=0.03))

In reading order: ``points`` reads a table, ``surfaces`` are the models, ``choose`` fits them and
leaves points out, ``advise`` answers, ``validate`` hides points and counts right answers,
``alone`` holds combined settings against each means alone, ``command`` is ``muxviz plan``.
scikit-learn is imported when something is fitted, not before.
Left out: other axes than N and sparsity (depth, precision, batch).
"""
