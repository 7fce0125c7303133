"""How leads come in and who answers them: public forms and tracked links, assignment by rules, the clock of answers."""
