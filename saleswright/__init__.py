"""Saleswright 销匠: sales management as one running system."""
