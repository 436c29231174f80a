"""The kinds of property, a module each: what is written of one, and what it says of itself to rules and to the compiler."""
