"""Which standard built this repository, and does it still hold? Generations, drift, waivers."""
