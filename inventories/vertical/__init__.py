"""Heights of emissions: profiles by sector, and the rise of plumes."""
