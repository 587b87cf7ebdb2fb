"""The pages of the live app. Each builds components from tables;
`dashboards.app.app` knows which address shows which page."""
