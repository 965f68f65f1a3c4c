from hypothesis import settings

# The time of one example depends on what else the machine does, so it is no property of the code.
settings.register_profile("tilefold", deadline=None)
settings.load_profile("ci" if settings.get_current_profile_name() == "ci" else "tilefold")
