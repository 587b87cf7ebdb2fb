"""The parts that the live pages and the report have in common: plain elements, which the live
app draws in the browser and the report writes as HTML."""
