"""What an audit shows: words, plots, tables and the HTML report."""
