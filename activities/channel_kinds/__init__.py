"""One file a kind of notification channel: each formats an announcement for itself and sends it."""
