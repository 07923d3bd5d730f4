"""Calendar subscriptions: a user's secret addresses and the feed behind them."""
