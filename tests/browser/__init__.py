"""The pages in a real browser (Debian's Chromium), as the people who use them would."""
