"""How sure a study's numbers are: pure functions of arrays, for agendas and pages alike."""
